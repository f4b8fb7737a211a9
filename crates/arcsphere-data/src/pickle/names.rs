//! The functions by whose names arrays are pickled, and what they would make.

use super::{Bytes, Kind, Machine, Stop, Value};

/// A name that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Name {
    Reconstruct,
    FromBuffer,
    Scalar,
    NdArray,
    Dtype,
    Encode,
}

impl Name {
    pub(super) fn find(module: &[u8], name: &[u8]) -> Option<Self> {
        let module = std::str::from_utf8(module).ok()?;
        // NumPy 2 has `numpy._core` for `numpy.core`.
        let core = module.strip_prefix("numpy._core.").or_else(|| module.strip_prefix("numpy.core."));
        Some(match (core.unwrap_or_default(), module, name) {
            ("multiarray", _, b"_reconstruct") => Self::Reconstruct,
            ("multiarray", _, b"scalar") => Self::Scalar,
            ("numeric", _, b"_frombuffer") => Self::FromBuffer,
            (_, "numpy", b"ndarray") => Self::NdArray,
            (_, "numpy", b"dtype") => Self::Dtype,
            (_, "_codecs", b"encode") => Self::Encode,
            _ => return None,
        })
    }
}

/// Types of elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dtype {
    U8,
    Bool,
}

/// An array of NumPy's.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Array {
    pub(crate) dtype: Dtype,
    /// Its elements, once BUILD has said them.
    pub(crate) bytes: Option<Bytes>,
}

/// What a function of that name would make of a tuple of arguments.
pub(super) fn call(machine: &mut Machine<'_>, name: Name, args: Value) -> Result<Value, Stop> {
    let args = tuple(machine, args)?;
    match (name, args.as_slice()) {
        (Name::Encode, &[Value::Text(text), codec]) if is(machine, codec, &[b"latin1", b"latin-1"])? => {
            Ok(Value::Bytes(text.latin1()))
        }
        (Name::Reconstruct, &[Value::Name(Name::NdArray), shape, code])
            if shape_len(machine, shape)? == 0 && is(machine, code, &[b"b"])? =>
        {
            machine.make(Kind::Array(Array { dtype: Dtype::U8, bytes: None }))
        }
        (Name::Dtype, &[code, align, copy]) if plain(align) == Some(false) && plain(copy) == Some(true) => {
            let dtype = if is(machine, code, &[b"u1"])? {
                Dtype::U8
            } else if is(machine, code, &[b"b1"])? {
                Dtype::Bool
            } else {
                return Err("an array of another type, expected u1 (bytes) or b1 (booleans)".into());
            };
            machine.make(Kind::Dtype(dtype))
        }
        (Name::FromBuffer, &[Value::Bytes(bytes), dtype, shape, order]) if is(machine, order, &[b"C"])? => {
            array(machine, bytes, dtype, shape).and_then(|made| machine.make(Kind::Array(made)))
        }
        (Name::Scalar, &[dtype, Value::Bytes(bytes)]) => {
            let dtype = dtype_of(machine, dtype)?;
            match (dtype, machine.short(Value::Bytes(bytes))?.as_slice()) {
                (Dtype::Bool, &[value @ 0..=1]) => Ok(Value::Bool(value == 1)),
                (Dtype::U8, &[value]) => Ok(Value::Int(value.into())),
                _ => Err("a NumPy scalar that is not one byte, expected a boolean".into()),
            }
        }
        _ => Err(format!("arguments that {name:?} has in no array of bytes").into()),
    }
}

/// What BUILD adds to an array or a type.
pub(super) fn build(machine: &mut Machine<'_>, made: Value, state: Value) -> Result<(), Stop> {
    let state = tuple(machine, state)?;
    let Value::Node(at) = made else { return Err("BUILD of what is no array".into()) };
    match machine.nodes[at as usize].kind {
        Kind::Dtype(_) => {
            use Value::{Int, None};
            match state.as_slice() {
                &[Int(3), order, None, None, None, Int(-1), Int(-1), Int(0)] if is(machine, order, &[b"|"])? => Ok(()),
                _ => Err("a type with an order of bytes or with fields, expected one of single bytes".into()),
            }
        }
        Kind::Array(Array { bytes: Option::None, .. }) => match state.as_slice() {
            &[Value::Int(1), shape, dtype, fortran, Value::Bytes(bytes)] if plain(fortran) == Some(false) => {
                let made = array(machine, bytes, dtype, shape)?;
                machine.nodes[at as usize].kind = Kind::Array(made);
                Ok(())
            }
            _ => Err("an array in another layout, expected (1, shape, type, False, bytes)".into()),
        },
        _ => Err("BUILD of what is no new array".into()),
    }
}

/// An array of bytes, whose number must be that of its shape.
fn array(machine: &Machine<'_>, bytes: Bytes, dtype: Value, shape: Value) -> Result<Array, Stop> {
    let (dtype, expected) = (dtype_of(machine, dtype)?, shape_len(machine, shape)?);
    let found = if bytes.is_plain() {
        u64::from(bytes.len)
    } else {
        let mut decoded = Vec::new();
        bytes.read(machine.cursor.file(), &mut decoded)?;
        decoded.len() as u64
    };
    if found != expected {
        return Err(format!("an array of {found} bytes, expected {expected} by its shape").into());
    }
    Ok(Array { dtype, bytes: Some(bytes) })
}

/// Elements of an array of shape (n) or (n, 1).
fn shape_len(machine: &Machine<'_>, shape: Value) -> Result<u64, Stop> {
    match tuple(machine, shape)?.as_slice() {
        &[Value::Int(n)] | &[Value::Int(n), Value::Int(1)] if n >= 0 => Ok(n as u64),
        _ => Err("an array of another shape, expected (n) or (n, 1)".into()),
    }
}

fn tuple(machine: &Machine<'_>, value: Value) -> Result<Vec<Value>, Stop> {
    match value {
        Value::Node(at) => match &machine.nodes[at as usize].kind {
            // No tuple that is looked at has more; a longer one is refused by its end.
            Kind::Tuple(items) => Ok(items.iter().take(16).copied().collect()),
            _ => Err("a tuple is wanted".into()),
        },
        _ => Err("a tuple is wanted".into()),
    }
}

fn dtype_of(machine: &Machine<'_>, value: Value) -> Result<Dtype, Stop> {
    match value {
        Value::Node(at) => match machine.nodes[at as usize].kind {
            Kind::Dtype(dtype) => Ok(dtype),
            _ => Err("a type of NumPy's is wanted".into()),
        },
        _ => Err("a type of NumPy's is wanted".into()),
    }
}

/// True for a text or bytes that are one of `words`.
fn is(machine: &Machine<'_>, value: Value, words: &[&[u8]]) -> Result<bool, Stop> {
    match value {
        Value::Text(_) | Value::Bytes(_) => Ok(words.contains(&machine.short(value)?.as_slice())),
        _ => Ok(false),
    }
}

/// A boolean, however it is written.
fn plain(value: Value) -> Option<bool> {
    match value {
        Value::Bool(value) => Some(value),
        Value::Int(value @ 0..=1) => Some(value == 1),
        _ => None,
    }
}
