//! The demo.
pub struct Demo;
pub fn prepare(_: &mut crate::config::Serve) -> Result<Demo, String> { Err("not yet".into()) }
pub async fn play(_: Demo, _: std::sync::Arc<crate::App>) {}
