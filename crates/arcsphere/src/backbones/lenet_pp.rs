//! `lenet_pp`: LeNet++ of the center-loss paper, 5×5 convolutions, 32-64-128 channels,
//! two a stage, PReLU (Wen et al., ECCV 2016, table 1). The paper has no batch-norm:
//! `model.batch_norm = false` gives it as published, and wants a rate of 0.01.

use super::lenet::Lenet;
use super::{BackboneInfo, BuiltIn};

pub(super) const INFO: BackboneInfo = BackboneInfo {
    name: "lenet_pp",
    summary: "5×5 convolutions, 32-64-128 channels, two a stage, PReLU; LeNet++",
    source: "Wen et al., A Discriminative Feature Learning Approach for Deep Face Recognition, ECCV 2016, table 1",
    depths: &[],
    min_side: 8,
    build: |spec, draw, device| BuiltIn::Lenet(Lenet::new(spec, 5, [32, 64, 128], draw, device)),
};
