//! How long an input takes, on a machine that does something else too.

use std::time::{Duration, Instant};

/// The longest that an input may take, of a processor's time.
pub(crate) const INPUT: Duration = Duration::from_secs(1);
/// The longest that it may take where a processor's time cannot be told, or where it waits for something.
const WAITING: Duration = Duration::from_secs(20);
/// Ticks a second in which Linux tells a process's time.
const TICKS: f64 = 100.0;

/// Runs since a process began an input.
pub(crate) struct Clock {
    process: u32,
    begun: Instant,
    used: Option<Duration>,
}

impl Clock {
    pub(crate) fn start(process: u32) -> Self {
        Clock { process, begun: Instant::now(), used: used_by(process) }
    }

    /// Whether the input has taken too long.
    pub(crate) fn is_over(&self) -> bool {
        let elapsed = self.begun.elapsed();
        if elapsed <= INPUT {
            return false;
        }
        let used = used_by(self.process).zip(self.used).map(|(now, then)| now.saturating_sub(then));
        elapsed > WAITING || used.is_some_and(|used| used > INPUT)
    }
}

/// The processor's time of a process, where the system has it in a file.
fn used_by(process: u32) -> Option<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name, in brackets, may hold anything; user's and system's ticks are the 12th and 13th word after it.
    let (_, rest) = stat.rsplit_once(')')?;
    let mut words = rest.split_whitespace().skip(11);
    let ticks: f64 = words.next()?.parse::<f64>().ok()? + words.next()?.parse::<f64>().ok()?;
    Some(Duration::from_secs_f64(ticks / TICKS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_os = "linux")]
    #[test]
    fn work_counts_and_sleep_does_not() {
        // A process of its own: this one runs other tests meanwhile.
        let mut asleep = std::process::Command::new("sleep").arg("5").spawn().unwrap();
        let clock = Clock::start(asleep.id());
        std::thread::sleep(Duration::from_millis(1100));
        assert!(!clock.is_over());
        asleep.kill().unwrap();
        asleep.wait().unwrap();
        let clock = Clock::start(std::process::id());
        let before = used_by(clock.process).unwrap();
        let begun = Instant::now();
        while begun.elapsed() <= INPUT || used_by(clock.process).unwrap() < before + INPUT + Duration::from_millis(100)
        {
            assert!(begun.elapsed() < Duration::from_secs(60));
            std::hint::black_box((0..100_000).sum::<u64>());
        }
        assert!(clock.is_over());
    }
}
