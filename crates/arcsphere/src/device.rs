//! The device that a network runs on, by name.

use burn::tensor::Device;
use thiserror::Error;

/// Why there is no such device.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DeviceError {
    /// A name that no device has.
    #[error("there is no device \"{0}\" (known: flex, cuda, wgpu)")]
    Unknown(String),
    /// A device that was left out of the build.
    #[error("this program was built without the device {0}; build with --features {0}, or take flex, the CPU")]
    NotBuilt(&'static str),
}

/// The device called `name`: `flex` is the CPU; `cuda` and `wgpu` are features.
///
/// # Errors
///
/// [`DeviceError`] if the name is unknown or the feature is not built in.
///
/// ```
/// assert!(arcsphere::device("flex").is_ok());
/// assert!(arcsphere::device("tpu").unwrap_err().to_string().contains("known: flex"));
/// ```
pub fn device(name: &str) -> Result<Device, DeviceError> {
    match name {
        "flex" | "cpu" => Ok(Device::flex()),
        #[cfg(feature = "cuda")]
        "cuda" => Ok(Device::cuda(0usize)),
        #[cfg(feature = "wgpu")]
        "wgpu" => Ok(Device::wgpu(burn::tensor::DeviceKind::DefaultDevice)),
        #[cfg(not(feature = "cuda"))]
        "cuda" => Err(DeviceError::NotBuilt("cuda")),
        #[cfg(not(feature = "wgpu"))]
        "wgpu" => Err(DeviceError::NotBuilt("wgpu")),
        other => Err(DeviceError::Unknown(other.to_owned())),
    }
}
