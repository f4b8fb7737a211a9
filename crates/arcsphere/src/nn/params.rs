//! A module's state as named host tensors, and back.
//!
//! The state is every float parameter and running statistic, in the module's field order, under
//! its dotted path (`stage1.0.conv.weight`).

use std::collections::HashMap;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Tensor, TensorData};

/// One tensor of a module's state on the host.
#[derive(Clone, Debug, PartialEq)]
pub struct NamedTensor {
    /// Field names from the root, joined by dots; elements of vectors by their index.
    pub path: String,
    /// The dimensions, outermost first.
    pub shape: Vec<usize>,
    /// The values in row-major order.
    pub values: Vec<f32>,
}

/// Why a state does not fit a module.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParamsError {
    /// The module has a tensor that the state lacks.
    #[error("the state lacks {path}, which the model has with shape {expected:?}; was it saved from another backbone?")]
    Missing {
        /// The tensor's path.
        path: String,
        /// Its shape in the module.
        expected: Vec<usize>,
    },
    /// The state has a tensor that the module lacks.
    #[error("the state has {path}, which the model lacks; was it saved from another backbone?")]
    Unexpected {
        /// The tensor's path.
        path: String,
    },
    /// The state has a tensor twice.
    #[error("the state has {path} twice; expected each path once")]
    Duplicate {
        /// The tensor's path.
        path: String,
    },
    /// The shapes differ.
    #[error("{path} has shape {found:?} in the state, but the model expects {expected:?}")]
    Shape {
        /// The tensor's path.
        path: String,
        /// The shape in the state.
        found: Vec<usize>,
        /// The shape in the module.
        expected: Vec<usize>,
    },
    /// The number of values is not the product of the shape.
    #[error("{path} has {found} values in the state, but its shape {shape:?} holds another number")]
    Length {
        /// The tensor's path.
        path: String,
        /// The number of values in the state.
        found: usize,
        /// The shape in the state.
        shape: Vec<usize>,
    },
}

/// Copies a module's state to the host, in field order.
///
/// ```
/// use arcsphere::nn::{export, import};
/// use burn::nn::LinearConfig;
/// use burn::tensor::Device;
///
/// let device = Device::flex();
/// let (one, other) = (LinearConfig::new(3, 2).init(&device), LinearConfig::new(3, 2).init(&device));
/// let state = export(&one);
/// assert_eq!((state[0].path.as_str(), &state[0].shape), ("weight", &vec![3, 2]));
/// assert_eq!(export(&import(other, state.clone())?), state);
/// # Ok::<(), arcsphere::nn::ParamsError>(())
/// ```
pub fn export<M: Module>(module: &M) -> Vec<NamedTensor> {
    settle(module);
    let mut visitor = Exporter { path: Vec::new(), tensors: Vec::new() };
    module.visit(&mut visitor);
    visitor.tensors
}

/// The module with the given state, on its own device and with its own gradient flags.
///
/// The order of the state is free. Nothing is loaded unless everything fits.
///
/// ```
/// use arcsphere::nn::{ParamsError, export, import};
/// use burn::nn::LinearConfig;
/// use burn::tensor::Device;
///
/// let net = LinearConfig::new(3, 2).init(&Device::flex());
/// let mut state = export(&net);
/// state[0].path = "weights".into();
/// assert!(matches!(import(net, state), Err(ParamsError::Missing { path, .. }) if path == "weight"));
/// ```
///
/// # Errors
///
/// A [`ParamsError`] with the path of the first tensor (in the module's order, then the
/// state's) that is missing, unexpected, doubled or of another shape.
pub fn import<M: Module>(module: M, state: Vec<NamedTensor>) -> Result<M, ParamsError> {
    let mut by_path = HashMap::with_capacity(state.len());
    let mut order = Vec::with_capacity(state.len());
    for NamedTensor { path, shape, values } in state {
        order.push(path.clone());
        if by_path.insert(path.clone(), (shape, values)).is_some() {
            return Err(ParamsError::Duplicate { path });
        }
    }
    let shapes = shapes(&module);
    for (path, expected) in &shapes {
        let path = path.clone();
        match by_path.get(&path) {
            None => {
                return Err(ParamsError::Missing { path, expected: expected.clone() });
            }
            Some((shape, _)) if shape != expected => {
                let (found, expected) = (shape.clone(), expected.clone());
                return Err(ParamsError::Shape { path, found, expected });
            }
            Some((shape, values)) if values.len() != shape.iter().product::<usize>() => {
                let (found, shape) = (values.len(), shape.clone());
                return Err(ParamsError::Length { path, found, shape });
            }
            Some(_) => {}
        }
    }
    settle(&module);
    if shapes.len() != by_path.len() {
        let known: std::collections::HashSet<_> = shapes.iter().map(|s| &s.0).collect();
        if let Some(path) = order.into_iter().find(|path| !known.contains(path)) {
            return Err(ParamsError::Unexpected { path });
        }
    }
    Ok(module.map(&mut Importer { path: Vec::new(), state: by_path }))
}

/// Paths and shapes of a module's state, in field order. Weights that are not there yet are not made.
pub(crate) fn shapes<M: Module>(module: &M) -> Vec<(String, Vec<usize>)> {
    let mut visitor = Shapes { path: Vec::new(), shapes: Vec::new() };
    module.visit(&mut visitor);
    visitor.shapes
}

/// Running statistics of Burn's keep their last update back until they are asked for: a visitor would miss it, and
/// it would come after what a mapper set.
fn settle<M: Module>(module: &M) {
    drop(module.valid());
}

struct Exporter {
    path: Vec<String>,
    tensors: Vec<NamedTensor>,
}

impl ModuleVisitor for Exporter {
    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let value = param.val();
        self.tensors.push(NamedTensor {
            path: self.path.join("."),
            shape: value.dims().to_vec(),
            values: value.into_data().iter::<f32>().collect(),
        });
    }
}

struct Shapes {
    path: Vec<String>,
    shapes: Vec<(String, Vec<usize>)>,
}

impl ModuleVisitor for Shapes {
    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.shapes.push((self.path.join("."), param.lazy_shape().to_vec()));
    }
}

struct Importer {
    path: Vec<String>,
    state: HashMap<String, (Vec<usize>, Vec<f32>)>,
}

impl ModuleMapper for Importer {
    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.pop();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let Some((shape, values)) = self.state.remove(&self.path.join(".")) else {
            return param;
        };
        param.map(|old| {
            let new = Tensor::from_data(TensorData::new(values, shape), &old.device());
            new.set_require_grad(old.is_require_grad())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::{BatchNorm, Init, Linear, Rng};
    use burn::tensor::Device;
    use rand::SeedableRng;

    #[derive(Module, Debug)]
    struct Net {
        layers: Vec<Linear>,
        norm: BatchNorm,
    }

    struct GradientFlags(Vec<bool>);

    impl ModuleVisitor for GradientFlags {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            self.0.push(param.is_require_grad());
        }
    }

    fn net(seed: u64, device: &Device) -> Net {
        let mut rng = Rng::seed_from_u64(seed);
        let layers = (0..2).map(|_| Linear::new(3, 3, true, Init::KaimingNormal, &mut rng, device)).collect();
        Net { layers, norm: BatchNorm::new(3, device) }
    }

    #[test]
    fn a_state_goes_round_with_running_statistics_and_gradients() {
        let device = Device::flex().autodiff();
        let source = net(1, &device);
        source.norm.forward(Tensor::<2>::ones([4, 3], &device), true);
        let state = export(&source);
        let paths: Vec<&str> = state.iter().map(|t| t.path.as_str()).collect();
        assert_eq!(
            paths,
            [
                "layers.0.weight",
                "layers.0.bias",
                "layers.1.weight",
                "layers.1.bias",
                "norm.weight",
                "norm.bias",
                "norm.running_mean",
                "norm.running_var",
            ]
        );
        assert_eq!(state[6].values, [0.1; 3]);

        let mut shuffled = state.clone();
        shuffled.reverse();
        let copy = import(net(2, &device), shuffled).unwrap();
        assert_eq!(export(&copy), state);
        let mut flags = GradientFlags(Vec::new());
        copy.visit(&mut flags);
        assert_eq!(flags.0, [true, true, true, true, true, true, false, false]);
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let device = Device::flex();
        let state = export(&net(1, &device));
        let load = |state| import(net(2, &device), state).map(|_| ()).unwrap_err();

        let mut missing = state.clone();
        missing.remove(1);
        let path = "layers.0.bias".to_owned();
        assert_eq!(load(missing), ParamsError::Missing { path, expected: vec![3] });

        let mut unexpected = state.clone();
        unexpected.push(NamedTensor { path: "extra".into(), shape: vec![], values: vec![1.0] });
        assert_eq!(load(unexpected), ParamsError::Unexpected { path: "extra".into() });

        let mut doubled = state.clone();
        doubled.push(state[0].clone());
        let path = "layers.0.weight".to_owned();
        assert_eq!(load(doubled), ParamsError::Duplicate { path: path.clone() });

        let mut reshaped = state.clone();
        reshaped[0].shape = vec![9];
        let error = load(reshaped);
        assert!(error.to_string().contains("[9]") && error.to_string().contains("[3, 3]"));

        let mut short = state;
        short[0].values.pop();
        assert_eq!(load(short), ParamsError::Length { path, found: 8, shape: vec![3, 3] });
    }
}
