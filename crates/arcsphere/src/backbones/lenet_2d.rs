//! `lenet_2d`: 3×3 convolutions, 16-32-64 channels, two a stage, PReLU.
//!
//! About 7 million multiply-adds for a 28×28 image: small enough that a comparison of
//! all losses takes minutes, large enough for 98 % on MNIST in two dimensions.

use super::lenet::Lenet;
use super::{BackboneInfo, BuiltIn};

pub(super) const INFO: BackboneInfo = BackboneInfo {
    name: "lenet_2d",
    summary: "3×3 convolutions, 16-32-64 channels, two a stage, PReLU; 7 M multiply-adds at 28×28",
    source: "the small sibling of LeNet++ (Wen et al., ECCV 2016)",
    depths: &[],
    min_side: 8,
    build: |spec, draw, device| BuiltIn::Lenet(Lenet::new(spec, 3, [16, 32, 64], draw, device)),
};
