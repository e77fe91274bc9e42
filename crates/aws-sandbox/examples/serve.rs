//! Serves a sandbox on a loopback port, for use with the AWS CLI or boto3:
//! `cargo run -p aws-sandbox --example serve -- 4566 [name=value …]`.

use std::error::Error;

use aws_sandbox::{Sandbox, Settings};
use tokio::net::TcpListener;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let port: u16 = arguments.next().unwrap_or_else(|| "0".to_owned()).parse()?;
    let mut settings = Settings::default();
    for setting in arguments {
        let (name, value) = setting
            .split_once('=')
            .ok_or("invalid setting; use name=value")?;
        match name {
            "creating" => settings.creating_seconds = value.parse()?,
            "deleting" => settings.deleting_seconds = value.parse()?,
            "modifying" => settings.modifying_seconds = value.parse()?,
            "rebooting" => settings.rebooting_seconds = value.parse()?,
            "propagation" => settings.propagation_seconds = value.parse()?,
            "parameter_changes_need_reboot" => {
                settings.parameter_changes_need_reboot = value.parse()?
            }
            "journal" => settings.journal = Some(value.into()),
            quota => settings.quotas.set(quota, value.parse()?)?,
        }
    }
    let sandbox = Sandbox::open(settings)?;
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    println!("http://{}", listener.local_addr()?);
    sandbox.serve(listener, std::future::pending()).await?;
    Ok(())
}
