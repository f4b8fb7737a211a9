//! A small HTTP server on 127.0.0.1 for tests, with Range support and planned misbehavior.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// How the server treats its clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    /// Answers Range requests with 206.
    Ranges,
    /// Ignores Range and always sends the whole file with 200.
    NoRanges,
    /// Closes each connection after this many bytes of the body.
    BreaksOffAfter(usize),
    /// Answers a Range request with 206 and another range.
    WrongRange,
    /// Answers with this status and no body.
    Status(u16),
}

pub(crate) struct Server {
    pub(crate) base: String,
    /// The Range header of each request, in order.
    pub(crate) ranges: Arc<Mutex<Vec<Option<String>>>>,
}

/// Serves `files` (by path without the leading slash) until the test process ends.
pub(crate) fn serve(files: &[(&str, Vec<u8>)], manner: Manner) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let files: HashMap<String, Vec<u8>> =
        files.iter().map(|(name, bytes)| (format!("/{name}"), bytes.clone())).collect();
    let ranges = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&ranges);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // A client that goes away is no failure of the server's.
            let _ = answer(stream, &files, manner, &log);
        }
    });
    Server { base, ranges }
}

fn answer(
    mut stream: TcpStream,
    files: &HashMap<String, Vec<u8>>,
    manner: Manner,
    log: &Mutex<Vec<Option<String>>>,
) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let request = lines.next().transpose()?.unwrap_or_default();
    let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
    let mut range = None;
    for line in lines {
        let line = line?.to_lowercase();
        if line.is_empty() {
            break;
        }
        range = range.or_else(|| line.strip_prefix("range: ").map(str::to_owned));
    }
    log.lock().unwrap().push(range.clone());
    let mut head = |status: u16, extra: String, length: usize| {
        write!(stream, "HTTP/1.1 {status} X\r\nContent-Length: {length}\r\n{extra}Connection: close\r\n\r\n")
    };
    if let Manner::Status(status) = manner {
        return head(status, String::new(), 0);
    }
    let Some(bytes) = files.get(&path) else {
        return head(404, String::new(), 0);
    };
    let start = range
        .filter(|_| manner != Manner::NoRanges)
        .and_then(|r| r.strip_prefix("bytes=")?.strip_suffix('-')?.parse::<usize>().ok());
    let body = match start {
        None => {
            head(200, String::new(), bytes.len())?;
            &bytes[..]
        }
        Some(start) if start >= bytes.len() => return head(416, String::new(), 0),
        Some(start) => {
            let stated = if manner == Manner::WrongRange { start + 1 } else { start };
            let range = format!("Content-Range: bytes {stated}-{}/{}\r\n", bytes.len() - 1, bytes.len());
            head(206, range, bytes.len() - start)?;
            &bytes[start..]
        }
    };
    match manner {
        Manner::BreaksOffAfter(n) => stream.write_all(&body[..n.min(body.len())]),
        _ => stream.write_all(body),
    }
}
