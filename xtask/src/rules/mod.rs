//! The architecture's rules: each looks at a [`Tree`], runs nothing, and
//! lists what breaks it.

mod absolute_path;
mod crate_arrows;
mod file_size;
mod manifests;
mod module_order;
mod paths;

use crate::report::Outcome;
use crate::tree::Tree;

/// Every rule, in the order of the report. A new rule is one file and one line.
pub(crate) const ALL: [fn(&Tree) -> Outcome; 4] =
    [crate_arrows::check, module_order::check, absolute_path::check, file_size::check];
