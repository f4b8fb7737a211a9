//! Whether the optimizer's moments are those of a network.

use super::Broken;
use crate::backbones::Backbone;
use crate::optim::Optimizer;
use burn::module::{ModuleVisitor, Param};
use burn::tensor::Tensor;

/// Refuses moments that are not as long as the network's parameters, in their order. A parameter that no gradient
/// reaches has none, so some may be left out.
pub(super) fn check(net: &impl Backbone, optimizer: &Optimizer) -> Result<(), Broken> {
    let mut lengths = Lengths(Vec::new());
    net.visit(&mut lengths);
    for (order, moments) in [("first", &optimizer.first), ("second", &optimizer.second)] {
        let mut parameters = lengths.0.iter();
        for (i, moment) in moments.iter().enumerate() {
            let [found] = moment.dims();
            if !parameters.any(|&length| length == found) {
                let tensor = format!("optimizer.{order}.{i}");
                let expected = lengths.0.get(i).map_or_else(Vec::new, |&length| vec![length]);
                return Err(match expected.is_empty() {
                    true => Broken::Moments { order, found: moments.len(), expected: lengths.0.len().to_string() },
                    false => Broken::Shape { tensor, found: vec![found], expected },
                });
            }
        }
    }
    Ok(())
}

/// How many numbers each parameter has that is trained.
struct Lengths(Vec<usize>);

impl ModuleVisitor for Lengths {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let value = param.val();
        if value.is_require_grad() {
            self.0.push(value.shape().num_elements());
        }
    }
}
