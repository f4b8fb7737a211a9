//! Python pickles of plain data: what `pickle.dump((images, same), f)` writes, and nothing that runs code.
//!
//! A pickle is a program for a machine with a stack and a memo. This one knows the instructions that lists, tuples,
//! booleans, small numbers, bytes and NumPy arrays of bytes or booleans are written with, in protocols 0 to 5; any
//! other is refused by its name and its place. Names of functions are matched, never called: of NumPy's those that
//! make arrays again, and `_codecs.encode`, by which Python 3 writes bytes in the protocols of Python 2.
//!
//! Bytes are kept as where they are in the file, so a pickle cannot ask for more memory than it has bytes of
//! instructions, and at most about [`LIMIT`] values. A value is at most [`MAX_DEPTH`] deep, and cannot contain itself.
//!
//! Source: CPython, `Lib/pickletools.py` and `Lib/pickle.py`; NumPy, `ndarray.__reduce_ex__`.

use std::collections::HashMap;

use crate::at::FileAt;
use crate::error::DataError;

mod bytes;
mod cursor;
mod names;
mod opcode;

pub(crate) use bytes::Bytes;
use cursor::Cursor;
pub(crate) use names::{Array, Dtype};
use names::{Name, call};

/// How much a pickle may hold: an element of a list counts 1, a list itself or an entry of the memo 3.
pub(crate) const LIMIT: usize = 1 << 21;

/// The most values on the stack.
const MAX_STACK: usize = 1 << 20;

/// How deep lists and tuples may lie in one another.
const MAX_DEPTH: u8 = 16;

/// A value, small enough to be copied.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Value {
    None,
    Bool(bool),
    Int(i64),
    Bytes(Bytes),
    Text(Bytes),
    Name(Name),
    /// A list, a tuple or what NumPy makes, by its place among the nodes.
    Node(u32),
}

/// What values point to.
#[derive(Debug)]
struct Node {
    kind: Kind,
    depth: u8,
    /// True once it is in another one: from then on it grows no more.
    held: bool,
}

#[derive(Clone, Debug)]
pub(crate) enum Kind {
    List(Vec<Value>),
    Tuple(Vec<Value>),
    Dtype(Dtype),
    Array(Array),
}

/// What a pickle held.
#[derive(Debug)]
pub(crate) struct Pickle {
    nodes: Vec<Node>,
    pub(crate) root: Value,
}

impl Pickle {
    /// Reads all of a file.
    pub(crate) fn read(file: &FileAt) -> Result<Self, DataError> {
        let mut machine = Machine {
            cursor: Cursor::new(file),
            stack: Vec::new(),
            marks: Vec::new(),
            memo: HashMap::new(),
            nodes: Vec::new(),
            spent: 0,
        };
        loop {
            let at = machine.cursor.at();
            let op = machine.cursor.byte("a pickle without STOP")?;
            if op == b'.' {
                break;
            }
            match machine.step(op) {
                Ok(()) => {}
                Err(Stop::Data(error)) => return Err(error),
                Err(Stop::Bad(reason)) => {
                    return Err(DataError::BadBytes { path: file.path().to_owned(), offset: at, reason });
                }
            }
        }
        let end = machine.cursor.at();
        if end != file.len() {
            return Err(DataError::TrailingBytes { path: file.path().to_owned(), expected: end });
        }
        match (machine.stack.as_slice(), machine.marks.is_empty()) {
            (&[root], true) => Ok(Self { nodes: machine.nodes, root }),
            (stack, _) => {
                let reason = format!("{} values at the end of the pickle, expected 1", stack.len());
                Err(DataError::BadBytes { path: file.path().to_owned(), offset: end - 1, reason })
            }
        }
    }

    /// The elements of a list or a tuple.
    pub(crate) fn items(&self, value: Value) -> Option<&[Value]> {
        match self.kind(value)? {
            Kind::List(items) | Kind::Tuple(items) => Some(items),
            _ => None,
        }
    }

    /// What a value points to.
    pub(crate) fn kind(&self, value: Value) -> Option<&Kind> {
        match value {
            Value::Node(at) => self.nodes.get(at as usize).map(|node| &node.kind),
            _ => None,
        }
    }

    /// What a value is, in a word.
    pub(crate) fn word(&self, value: Value) -> &'static str {
        match (value, self.kind(value)) {
            (Value::None, _) => "None",
            (Value::Bool(_), _) => "a boolean",
            (Value::Int(_), _) => "a number",
            (Value::Bytes(_), _) => "bytes",
            (Value::Text(_), _) => "text",
            (_, Some(Kind::List(_))) => "a list",
            (_, Some(Kind::Tuple(_))) => "a tuple",
            (_, Some(Kind::Array(_))) => "an array",
            _ => "a name",
        }
    }
}

/// Why the machine stops.
enum Stop {
    /// The file ends or cannot be read.
    Data(DataError),
    /// The instruction cannot be followed.
    Bad(String),
}

impl From<DataError> for Stop {
    fn from(error: DataError) -> Self {
        Self::Data(error)
    }
}

impl From<String> for Stop {
    fn from(reason: String) -> Self {
        Self::Bad(reason)
    }
}

impl From<&str> for Stop {
    fn from(reason: &str) -> Self {
        Self::Bad(reason.to_owned())
    }
}

struct Machine<'a> {
    cursor: Cursor<'a>,
    stack: Vec<Value>,
    /// Heights of the stack at which MARKs were set.
    marks: Vec<usize>,
    memo: HashMap<u64, Value>,
    nodes: Vec<Node>,
    /// See [`LIMIT`].
    spent: usize,
}

impl Machine<'_> {
    fn step(&mut self, op: u8) -> Result<(), Stop> {
        match op {
            b'(' => {
                if self.marks.len() >= MAX_STACK {
                    return Err("too many MARKs".into());
                }
                self.marks.push(self.stack.len());
                Ok(())
            }
            0x80 => match self.cursor.byte("the protocol")? {
                0..=5 => Ok(()),
                protocol => Err(format!("protocol {protocol}, expected 0 to 5").into()),
            },
            0x95 => {
                let len = self.cursor.number(8, "the length of a frame")?;
                let there = self.cursor.left();
                if len <= there { Ok(()) } else { Err(format!("a frame of {len} bytes, but {there} are left").into()) }
            }
            b']' | b'l' | b'a' | b'e' | b't' | b')' | 0x85..=0x87 => self.container(op),
            b'p' | b'q' | b'r' | 0x94 => self.put(op),
            b'g' | b'h' | b'j' => self.get(op),
            b'N' | 0x88 | 0x89 | b'I' | b'J' | b'K' | b'M' | 0x8a => self.plain(op),
            b'S' | b'T' | b'U' | b'B' | b'C' | 0x8e | 0x96 => self.bytes(op).and_then(|b| self.push(Value::Bytes(b))),
            b'V' | b'X' | 0x8c | 0x8d => self.text(op).and_then(|b| self.push(Value::Text(b))),
            b'c' | 0x93 => self.name(op),
            b'R' => {
                let (args, callable) = (self.pop()?, self.pop()?);
                let Value::Name(name) = callable else { return Err("REDUCE of what is no name".into()) };
                let made = call(self, name, args)?;
                self.push(made)
            }
            b'b' => {
                let state = self.pop()?;
                let made = self.stack.last().copied().ok_or("BUILD, but the stack is empty")?;
                names::build(self, made, state)
            }
            _ => Err(format!("{}, expected an instruction that makes plain data", opcode::name(op)).into()),
        }
    }

    fn push(&mut self, value: Value) -> Result<(), Stop> {
        if self.stack.len() >= MAX_STACK {
            return Err(format!("more than {MAX_STACK} values on the stack").into());
        }
        self.stack.push(value);
        Ok(())
    }

    fn pop(&mut self) -> Result<Value, Stop> {
        if self.marks.last().is_some_and(|&mark| mark >= self.stack.len()) {
            return Err("a value is wanted, but a MARK is on top of the stack".into());
        }
        self.stack.pop().ok_or_else(|| "a value is wanted, but the stack is empty".into())
    }

    /// The values above the last MARK, which is taken away.
    fn pop_mark(&mut self) -> Result<Vec<Value>, Stop> {
        let mark = self.marks.pop().ok_or("there is no MARK")?;
        Ok(self.stack.split_off(mark.min(self.stack.len())))
    }

    fn spend(&mut self, n: usize) -> Result<(), Stop> {
        self.spent += n;
        if self.spent > LIMIT { Err(format!("more than {LIMIT} values").into()) } else { Ok(()) }
    }

    fn container(&mut self, op: u8) -> Result<(), Stop> {
        let kind = match op {
            b']' => Kind::List(Vec::new()),
            b'l' => Kind::List(self.pop_mark()?),
            b')' => Kind::Tuple(Vec::new()),
            b't' => Kind::Tuple(self.pop_mark()?),
            b'a' => {
                let item = self.pop()?;
                return self.extend(vec![item]);
            }
            b'e' => {
                let items = self.pop_mark()?;
                return self.extend(items);
            }
            _ => {
                let mut items = Vec::new();
                for _ in 0..=op - 0x85 {
                    items.push(self.pop()?);
                }
                items.reverse();
                Kind::Tuple(items)
            }
        };
        let made = self.make(kind)?;
        self.push(made)
    }

    /// Adds a node; what it holds grows no more.
    fn make(&mut self, kind: Kind) -> Result<Value, Stop> {
        let depth = match &kind {
            Kind::List(items) | Kind::Tuple(items) => {
                self.spend(items.len())?;
                self.hold(items)?
            }
            _ => 0,
        };
        self.spend(3)?;
        self.nodes.push(Node { kind, depth, held: false });
        Ok(Value::Node((self.nodes.len() - 1) as u32))
    }

    /// Marks values as held, and says how deep what holds them is.
    fn hold(&mut self, items: &[Value]) -> Result<u8, Stop> {
        let mut depth = 0;
        for item in items {
            if let Value::Node(at) = *item {
                let node = &mut self.nodes[at as usize];
                node.held = true;
                depth = depth.max(node.depth);
            }
        }
        if depth < MAX_DEPTH { Ok(depth + 1) } else { Err(format!("more than {MAX_DEPTH} levels of lists").into()) }
    }

    /// Appends to the list on top of the stack.
    fn extend(&mut self, items: Vec<Value>) -> Result<(), Stop> {
        let Some(&Value::Node(at)) = self.stack.last() else { return Err("APPEND to what is no list".into()) };
        self.spend(items.len())?;
        if items.contains(&Value::Node(at)) {
            return Err("a list that contains itself".into());
        }
        let depth = self.hold(&items)?;
        let node = &mut self.nodes[at as usize];
        let Kind::List(list) = &mut node.kind else { return Err("APPEND to what is no list".into()) };
        if node.held {
            return Err("a list that grows after it was put into another value".into());
        }
        node.depth = node.depth.max(depth);
        list.extend(items);
        Ok(())
    }

    fn put(&mut self, op: u8) -> Result<(), Stop> {
        let key = match op {
            b'p' => {
                self.cursor.decimal("the number of a memo")?.try_into().map_err(|_| "a negative number of a memo")?
            }
            b'q' => self.cursor.number(1, "the number of a memo")?,
            b'r' => self.cursor.number(4, "the number of a memo")?,
            _ => self.memo.len() as u64,
        };
        let value = self.stack.last().copied().ok_or("a memo of nothing: the stack is empty")?;
        self.spend(3)?;
        self.memo.insert(key, value);
        Ok(())
    }

    fn get(&mut self, op: u8) -> Result<(), Stop> {
        let key = match op {
            b'g' => self.cursor.decimal("the number of a memo")?.try_into().unwrap_or(u64::MAX),
            b'h' => self.cursor.number(1, "the number of a memo")?,
            _ => self.cursor.number(4, "the number of a memo")?,
        };
        let value = *self.memo.get(&key).ok_or_else(|| format!("the memo has no number {key}"))?;
        self.push(value)
    }

    fn plain(&mut self, op: u8) -> Result<(), Stop> {
        let value = match op {
            b'N' => Value::None,
            0x88 => Value::Bool(true),
            0x89 => Value::Bool(false),
            b'I' => match self.cursor.line("a number")?.as_slice() {
                b"01" => Value::Bool(true),
                b"00" => Value::Bool(false),
                line => Value::Int(cursor::decimal(line)?),
            },
            b'J' => Value::Int(i64::from(self.cursor.number(4, "a number")? as u32 as i32)),
            b'K' => Value::Int(self.cursor.number(1, "a number")? as i64),
            b'M' => Value::Int(self.cursor.number(2, "a number")? as i64),
            _ => {
                let n = self.cursor.byte("the length of a number")?;
                if n > 8 {
                    return Err(format!("a number of {n} bytes, expected at most 8").into());
                }
                let bits = 64 - 8 * u32::from(n);
                let raw = self.cursor.number(n.into(), "a number")?;
                // The highest bit of the last byte is the sign.
                Value::Int(if n == 0 { 0 } else { (raw << bits) as i64 >> bits })
            }
        };
        self.push(value)
    }

    fn bytes(&mut self, op: u8) -> Result<Bytes, Stop> {
        let what = "bytes";
        let len = match op {
            b'S' => return Ok(self.cursor.rest_of_line(what)?.quoted()),
            b'U' | b'C' => self.cursor.number(1, what)?,
            b'T' | b'B' => self.cursor.number(4, what)?,
            _ => self.cursor.number(8, what)?,
        };
        if op == b'T' && len > i32::MAX as u64 {
            return Err("a string of a negative length".into());
        }
        Ok(self.cursor.skip(len, what)?)
    }

    fn text(&mut self, op: u8) -> Result<Bytes, Stop> {
        let what = "text";
        let len = match op {
            b'V' => return Ok(self.cursor.rest_of_line(what)?.escaped()),
            0x8c => self.cursor.number(1, what)?,
            b'X' => self.cursor.number(4, what)?,
            _ => self.cursor.number(8, what)?,
        };
        Ok(self.cursor.skip(len, what)?)
    }

    fn name(&mut self, op: u8) -> Result<(), Stop> {
        let (module, name) = if op == b'c' {
            (self.cursor.line("a module")?, self.cursor.line("a name")?)
        } else {
            let (name, module) = (self.pop()?, self.pop()?);
            (self.short(module)?, self.short(name)?)
        };
        let known = Name::find(&module, &name).ok_or_else(|| {
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).escape_debug().to_string();
            format!("the name {}.{}, expected one of NumPy's arrays or _codecs.encode", text(&module), text(&name))
        })?;
        self.push(Value::Name(known))
    }

    /// A short text or bytes.
    fn short(&self, value: Value) -> Result<Vec<u8>, Stop> {
        match value {
            Value::Text(bytes) | Value::Bytes(bytes) => Ok(bytes.short(self.cursor.file())?),
            _ => Err("a text is wanted".into()),
        }
    }
}
