//! One file over HTTP: resumed, verified, and in place only when whole.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::Path;
use std::time::Duration;

use md5::{Digest, Md5};
use ureq::http::{Response, header};
use ureq::{Agent, Body};

use super::part;
use crate::dataset::hex;
use crate::error::DataError;
use crate::files;

/// What to download, where to, and how to know it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Remote<'a> {
    pub(crate) url: &'a str,
    pub(crate) path: &'a Path,
    /// MD5 in hexadecimal.
    pub(crate) md5: &'a str,
    /// Published size in bytes: the total where the server states none, and half of the most that
    /// is accepted.
    pub(crate) bytes: u64,
}

/// How often a broken transfer is taken up again.
const ATTEMPTS: u32 = 4;

/// Bytes done and bytes in all.
pub(crate) type Progress<'a> = &'a mut dyn FnMut(u64, u64);

/// Downloads to `path` by way of `path.part`, from where an earlier attempt stopped.
///
/// A transfer that breaks off leaves the `.part` for the next call; a whole one that is not the
/// published file is removed.
pub(crate) fn download(remote: Remote<'_>, progress: Progress<'_>) -> Result<(), DataError> {
    let part = part::part_of(remote.path);
    // What an earlier run left may be of another file: then one more try, from nothing.
    let mut stale_possible = size_of(&part) > 0;
    loop {
        transfer_with_retries(remote, &part, progress)?;
        let found = md5_of(&part)?;
        if found == remote.md5 {
            return part::commit(&part, remote.path);
        }
        fs::remove_file(&part).map_err(|e| DataError::io(&part, "remove", e))?;
        if !std::mem::take(&mut stale_possible) {
            return Err(DataError::Checksum {
                path: remote.path.to_owned(),
                algorithm: "MD5",
                found,
                expected: remote.md5.to_owned(),
            });
        }
    }
}

/// The MD5 of a file, in hexadecimal.
pub(crate) fn md5_of(path: &Path) -> Result<String, DataError> {
    let mut file = files::open(path, "a downloaded file")?;
    let mut hash = Md5::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        let n = file.read(&mut buffer).map_err(|e| DataError::io(path, "read", e))?;
        if n == 0 {
            return Ok(hex(&hash.finalize()));
        }
        hash.update(&buffer[..n]);
    }
}

fn transfer_with_retries(remote: Remote<'_>, part: &Path, progress: Progress<'_>) -> Result<(), DataError> {
    let mut attempt = 1;
    loop {
        let before = size_of(part);
        match transfer(remote, part, progress) {
            Ok(()) => return Ok(()),
            Err(Failure::Final(e)) => return Err(e),
            Err(Failure::Broken(e)) if attempt >= ATTEMPTS => return Err(e),
            // Something arrived: that connection was worth taking up again.
            Err(Failure::Broken(_)) if size_of(part) > before => attempt = 1,
            Err(Failure::Broken(_)) => {
                std::thread::sleep(Duration::from_millis(100 << attempt));
                attempt += 1;
            }
        }
    }
}

enum Failure {
    /// Trying again cannot help.
    Final(DataError),
    /// The connection failed or broke off.
    Broken(DataError),
}

impl From<DataError> for Failure {
    fn from(e: DataError) -> Self {
        Self::Final(e)
    }
}

/// One request; appends to `part`.
fn transfer(remote: Remote<'_>, part: &Path, progress: Progress<'_>) -> Result<(), Failure> {
    let http = |reason: String| DataError::Http { url: remote.url.to_owned(), reason };
    let have = size_of(part);
    let mut request = agent(remote.url).get(remote.url);
    if have > 0 {
        request = request.header(header::RANGE, format!("bytes={have}-"));
    }
    let response = request.call().map_err(|e| match e {
        ureq::Error::BadUri(_) | ureq::Error::Http(_) => Failure::Final(http(e.to_string())),
        e => Failure::Broken(http(e.to_string())),
    })?;
    let status = response.status().as_u16();
    let mut done = match status {
        200 => 0,
        206 if range_start(&response) == Some(have) => have,
        206 => return Err(http(format!("asked for bytes {have}-, got another range")).into()),
        // Nothing lies past the end of what is here; the checksum says whether it is the file.
        416 if have > 0 => return Ok(()),
        500..=599 | 408 | 429 => return Err(Failure::Broken(http(format!("status {status}")))),
        _ => return Err(http(format!("status {status}, expected 200 or 206")).into()),
    };
    let stated = content_length(&response).map(|n| done.saturating_add(n));
    let total = stated.unwrap_or(remote.bytes);
    let limit = remote.bytes.saturating_mul(2);
    if total > limit {
        let reason = format!("the server offers {total} bytes, expected {}", remote.bytes);
        return Err(http(reason).into());
    }

    let io = |action, e| DataError::io(part, action, e);
    let mut file = if done == 0 { File::create(part) } else { File::options().append(true).open(part) }
        .map_err(|e| io("open", e))?;
    let mut body = response.into_body().into_reader();
    let mut buffer = vec![0; 1 << 16];
    progress(done, total);
    loop {
        let n = body
            .read(&mut buffer)
            .map_err(|e| Failure::Broken(http(format!("broke off after {done} of {total} bytes: {e}"))))?;
        if n == 0 {
            break;
        }
        file.write_all(&buffer[..n]).map_err(|e| io("write", e))?;
        done += n as u64;
        if done > limit {
            drop(file);
            fs::remove_file(part).map_err(|e| io("remove", e))?;
            return Err(http(format!("more than {limit} bytes, expected {}", remote.bytes)).into());
        }
        progress(done, total.max(done));
    }
    if stated.is_some_and(|n| done < n) {
        return Err(Failure::Broken(http(format!("broke off after {done} of {total} bytes"))));
    }
    Ok(())
}

fn agent(url: &str) -> Agent {
    let mut config = Agent::config_builder()
        .http_status_as_error(false)
        .user_agent(concat!("arcsphere/", env!("CARGO_PKG_VERSION")))
        .timeout_connect(Some(Duration::from_secs(30)))
        .timeout_per_read(Some(Duration::from_secs(60)));
    if ["http://127.0.0.1", "http://localhost", "http://[::1]"].iter().any(|l| url.starts_with(l)) {
        // A proxy would look for a mirror on its own machine.
        config = config.proxy(None);
    }
    config.build().into()
}

fn size_of(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |m| m.len())
}

fn text<'a>(response: &'a Response<Body>, name: &header::HeaderName) -> Option<&'a str> {
    response.headers().get(name)?.to_str().ok()
}

fn content_length(response: &Response<Body>) -> Option<u64> {
    text(response, &header::CONTENT_LENGTH)?.trim().parse().ok()
}

/// Where a partial response starts: `a` of `bytes a-b/n`.
fn range_start(response: &Response<Body>) -> Option<u64> {
    let range = text(response, &header::CONTENT_RANGE)?.trim().strip_prefix("bytes ")?;
    range.split('-').next()?.trim().parse().ok()
}

#[cfg(test)]
pub(crate) mod test_server;
#[cfg(test)]
mod tests;
