//! The API on a port of the loopback interface, for tests that need real HTTP.

use dax_provisioner::api::ApiSettings;
use dax_provisioner::worker::SharedJobs;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::support::api::router;
use crate::support::test_env::TestEnv;

/// A server that stops when it is dropped.
pub struct HttpServer {
    pub url: String,
    _stop: DropGuard,
}

impl TestEnv {
    /// Serves the API with authentication, and runs a worker with this number of loops if any.
    pub async fn serve(&self, worker_loops: usize) -> HttpServer {
        let stop = CancellationToken::new();
        let settings = ApiSettings {
            durability_required: false,
            ..ApiSettings::default()
        };
        let (router, _) = router(self, self.store.clone(), settings, stop.clone());
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let handle = axum_server::Handle::new();
        let server = axum_server::from_tcp(listener)
            .unwrap()
            .handle(handle.clone());
        tokio::spawn(
            server.serve(router.into_make_service_with_connect_info::<std::net::SocketAddr>()),
        );
        let stopped = stop.clone();
        tokio::spawn(async move {
            stopped.cancelled().await;
            handle.shutdown();
        });
        if worker_loops > 0 {
            let worker = self.worker("server");
            tokio::spawn(worker.run(worker_loops, true, stop.clone()));
            tokio::spawn(SharedJobs::new(self.store.clone()).run(stop.clone()));
        }
        HttpServer {
            url,
            _stop: stop.drop_guard(),
        }
    }
}
