//! What each subject measures: the same work for both sides.

/// A part that is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Subject {
    Head,
    Conv,
    Train,
    Compare,
}

impl Subject {
    pub(super) const ALL: [Subject; 4] = [Subject::Head, Subject::Conv, Subject::Train, Subject::Compare];

    pub(super) fn name(self) -> &'static str {
        match self {
            Subject::Head => "head",
            Subject::Conv => "conv",
            Subject::Train => "train",
            Subject::Compare => "compare",
        }
    }

    pub(super) fn find(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|subject| subject.name() == name)
    }

    pub(super) fn known() -> String {
        Self::ALL.map(Self::name).join(", ")
    }

    /// Medians of each side; a comparison takes minutes.
    pub(super) fn rounds(self) -> usize {
        if self == Subject::Compare { 3 } else { 7 }
    }

    /// The ratio aimed at on every case: PyTorch's time over arcsphere's.
    pub(super) fn target(self) -> Option<f64> {
        match self {
            Subject::Head => Some(3.0),
            Subject::Conv => None,
            Subject::Train => Some(1.0),
            // The same job in at most 0.8 of the time.
            Subject::Compare => Some(1.25),
        }
    }

    /// The ways in which PyTorch is run. The fastest counts.
    pub(super) fn modes(self) -> &'static [&'static str] {
        match self {
            Subject::Head => &["eager", "compile"],
            Subject::Conv | Subject::Train => &["eager", "channels_last", "compile"],
            Subject::Compare => &["eager", "eager-jobs", "compile"],
        }
    }
}

/// One line of the table.
#[derive(Clone, Debug)]
pub(super) struct Case {
    pub(super) subject: Subject,
    /// As in the table.
    pub(super) name: String,
    /// Arguments of the Python script but threads and mode.
    pub(super) peer: Vec<String>,
    /// Arguments of arcsphere but threads and `--json`.
    pub(super) own: Vec<String>,
}

impl Case {
    pub(super) fn script(&self) -> &'static str {
        match self.subject {
            Subject::Head => "head.py",
            Subject::Conv => "conv.py",
            Subject::Train => "train.py",
            Subject::Compare => "compare.py",
        }
    }
}

/// A subject's cases. Steps in a round are as many as take about a second or two.
pub(super) fn of(subject: Subject) -> Vec<Case> {
    let same = |name: String, words: String| {
        let peer: Vec<String> = words.split_whitespace().map(str::to_owned).collect();
        let own = ["bench", subject.name()].into_iter().map(str::to_owned).chain(peer.iter().cloned()).collect();
        Case { subject, name, peer, own }
    };
    match subject {
        Subject::Head => [("1,000", 1_000, 41), ("10,000", 10_000, 15), ("100,000", 100_000, 3)]
            .map(|(shown, classes, steps)| {
                let name = format!("head, C = {shown}, D = 512, batch 128");
                same(name, format!("--classes {classes} --dim 512 --batch 128 --loss arcface --repeats {steps}"))
            })
            .into(),
        Subject::Conv => [
            ("3×3, 16 → 16 at 28×28", 31, "--channels 16 --size 28x28"),
            ("3×3, 64 → 64 at 14×14", 31, "--channels 64"),
            ("3×3, 256 → 256 at 14×14", 5, "--channels 256"),
            ("3×3, stride 2, 64 → 128 at 28×28", 15, "--channels 64 --out-channels 128 --size 28x28 --stride 2"),
            ("5×5, 64 → 64 at 14×14", 11, "--channels 64 --kernel 5"),
            ("1×1, 64 → 128 at 28×28", 31, "--channels 64 --out-channels 128 --size 28x28 --kernel 1"),
            ("depthwise 3×3, 128 at 28×28", 21, "--channels 128 --size 28x28 --depthwise"),
            ("depthwise 7×7, 128 at 14×14", 21, "--channels 128 --kernel 7 --depthwise"),
        ]
        .map(|(shown, steps, flags)| {
            let name = format!("convolution {shown}, batch 128, both gradients");
            same(name, format!("--batch 128 --repeats {steps} {flags}"))
        })
        .into(),
        Subject::Train => [
            ("lenet_2d, 1×28×28", "lenet_2d", 128, 2, 11, ""),
            ("lenet_pp, 1×28×28", "lenet_pp", 128, 2, 3, ""),
            ("resnet_cifar-20, 3×32×32", "resnet_cifar", 128, 64, 3, " --size 32x32"),
            ("iresnet-18, 3×112×112", "iresnet", 32, 512, 1, " --size 112x112"),
        ]
        .map(|(shown, backbone, batch, dim, steps, size)| {
            let name = format!("training {shown}, batch {batch}");
            let words =
                format!("--backbone {backbone} --batch {batch} --dim {dim} --loss arcface --repeats {steps}{size}");
            same(name, words)
        })
        .into(),
        Subject::Compare => vec![Case {
            subject,
            name: "compare, 7 losses × 10 epochs of 10,000 digits".to_owned(),
            peer: vec!["--epochs".to_owned(), "10".to_owned()],
            own: ["compare", "--epochs", "10"].map(str::to_owned).into(),
        }],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_sides_get_the_same_shape() {
        for subject in [Subject::Head, Subject::Conv, Subject::Train] {
            for case in of(subject) {
                assert_eq!(case.own[..2], ["bench", subject.name()]);
                assert_eq!(case.own[2..], case.peer, "{}", case.name);
            }
        }
    }

    #[test]
    fn every_subject_has_a_name_that_finds_it_and_cases_with_names_of_their_own() {
        let mut names: Vec<String> = Subject::ALL.into_iter().flat_map(of).map(|case| case.name).collect();
        let count = names.len();
        names.sort();
        names.dedup();
        assert_eq!((names.len(), count), (16, 16));
        for subject in Subject::ALL {
            assert_eq!(Subject::find(subject.name()), Some(subject));
        }
    }
}
