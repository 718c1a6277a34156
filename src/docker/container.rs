//! Containers: looked at, made for a run's own work, started, stopped, removed.

use super::{Container, Docker, Environment, Health, HelperSpec, Mount, Port, Status, filter, found};
use crate::error::{Failure, Tail};
use crate::exit::Exit;
use anyhow::{Context, Result};
use bollard::models::{
    ContainerCreateBody, ContainerInspectResponse, ContainerStateStatusEnum, ContainerSummary, DeviceRequest,
    EndpointSettings, HostConfig, NetworkingConfig, PortBinding,
};
use bollard::query_parameters::{
    CreateContainerOptionsBuilder, InspectContainerOptions, ListContainersOptionsBuilder, LogsOptionsBuilder,
    RemoveContainerOptionsBuilder, StartContainerOptions, StopContainerOptionsBuilder, UploadToContainerOptionsBuilder,
    WaitContainerOptions,
};
use bytes::Bytes;
use futures_util::{Stream, StreamExt, TryStreamExt, future::try_join_all};
use std::collections::HashMap;

/// Which lines of a container's log.
#[derive(Clone, Copy, Debug, Default)]
pub struct LogRange {
    /// At most this many of the last lines; all when `None`.
    pub tail: Option<u32>,
    /// Seconds since the epoch; 0 for no bound.
    pub since: i32,
    /// Go on as lines come.
    pub follow: bool,
    /// Begin each line with its time.
    pub timestamps: bool,
}

/// An error of a container that could not start, with what to do where a port is in the way.
#[must_use]
pub fn port_taken(error: anyhow::Error) -> anyhow::Error {
    if !format!("{error:#}").contains("port is already allocated") {
        return error;
    }
    // Docker 20.10 to 28 keep the port, or the proxy, of a container that a crash ended until they are started anew.
    Failure::new(Exit::Failed, "a port of the stack is taken")
        .hint("see by whom: sudo ss -ltnp. If it is nobody, or a docker-proxy, the engine kept it from before a crash: sudo systemctl restart docker, then: tars start")
        .caused_by(error)
        .into()
}

impl Docker {
    /// Every container, running or not, with that label (`key` or `key=value`).
    ///
    /// # Errors
    /// When the engine does not answer. A container that goes away meanwhile is left out.
    pub async fn containers(&self, label: &str) -> Result<Vec<Container>> {
        let listed =
            self.list(ListContainersOptionsBuilder::default().all(true).filters(&filter("label", label))).await?;
        let ids = listed.into_iter().filter_map(|container| container.id);
        let inspected = try_join_all(ids.map(|id| async move { self.container(&id).await })).await?;
        let mut containers: Vec<_> = inspected.into_iter().flatten().collect();
        containers.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(containers)
    }

    /// The names of all containers of this engine with their labels, whoever made them.
    ///
    /// # Errors
    /// When the engine does not answer.
    pub async fn all_containers(&self) -> Result<Vec<(String, HashMap<String, String>)>> {
        let listed = self.list(ListContainersOptionsBuilder::default().all(true)).await?;
        let name = |names: Option<Vec<String>>| {
            names.unwrap_or_default().first().map(|name| name.trim_start_matches('/').to_owned())
        };
        Ok(listed.into_iter().filter_map(|c| Some((name(c.names)?, c.labels.unwrap_or_default()))).collect())
    }

    async fn list(&self, which: ListContainersOptionsBuilder) -> Result<Vec<ContainerSummary>> {
        self.api.list_containers(Some(which.build())).await.context("the engine did not list its containers")
    }

    /// One container by name or id.
    ///
    /// # Errors
    /// When the engine does not answer.
    pub async fn container(&self, name: &str) -> Result<Option<Container>> {
        let answer = self.api.inspect_container(name, None::<InspectContainerOptions>).await;
        Ok(found(answer).with_context(|| format!("the engine did not say what {name} is"))?.map(Container::from))
    }

    /// The files that a container has made or changed beside its volumes. The engine compares whole file systems for
    /// that, seconds with some kinds of storage, and lets nobody else at the container meanwhile.
    ///
    /// # Errors
    /// When it is gone or the engine does not answer.
    pub async fn changes(&self, name: &str) -> Result<Vec<String>> {
        let changes = self.api.container_changes(name).await;
        let changes = changes.with_context(|| format!("the engine did not say what {name} changed"))?;
        Ok(changes.unwrap_or_default().into_iter().map(|change| change.path).collect())
    }

    /// Makes a helper container without starting it; returns its id.
    ///
    /// # Errors
    /// When the image is missing or the engine refuses.
    pub async fn create_helper(&self, spec: &HelperSpec) -> Result<String> {
        let gpus = DeviceRequest {
            driver: Some("nvidia".into()),
            count: Some(-1),
            capabilities: Some(vec![vec!["gpu".into()]]),
            ..Default::default()
        };
        let host = HostConfig {
            binds: Some(spec.binds.clone()),
            extra_hosts: Some(spec.hosts.clone()),
            network_mode: (!spec.network.is_empty()).then(|| spec.network.clone()),
            device_requests: spec.gpu.then(|| vec![gpus]),
            shm_size: (spec.shm_bytes > 0).then_some(spec.shm_bytes),
            port_bindings: Some(spec.loopback_ports.iter().copied().map(loopback).collect()),
            ..Default::default()
        };
        let body = ContainerCreateBody {
            image: Some(spec.image.clone()),
            // One empty string resets the image's entrypoint; an empty list would keep it.
            entrypoint: (!spec.own_entrypoint).then(|| vec![String::new()]),
            cmd: Some(spec.command.clone()).filter(|command| !command.is_empty()),
            env: Some(spec.env.clone()),
            user: (!spec.user.is_empty()).then(|| spec.user.clone()),
            stop_signal: spec.stop_signal.clone(),
            exposed_ports: Some(spec.loopback_ports.iter().map(|(port, _)| tcp(*port)).collect()),
            labels: Some(labels(spec)),
            networking_config: (!spec.aliases.is_empty()).then(|| known_as(&spec.network, &spec.aliases)),
            host_config: Some(host),
            ..Default::default()
        };
        let options =
            (!spec.name.is_empty()).then(|| CreateContainerOptionsBuilder::default().name(&spec.name).build());
        let made = self.api.create_container(options, body).await;
        Ok(made.with_context(|| format!("could not make a container from {}", spec.image))?.id)
    }

    /// Runs a helper to its end: its exit code and the last lines of its output. The container is left for the caller.
    ///
    /// # Errors
    /// When it cannot be started or the engine goes away.
    pub async fn run_helper(&self, id: &str, mut on_line: impl FnMut(&str)) -> Result<(i64, String)> {
        self.start(id).await?;
        let range = LogRange { follow: true, ..LogRange::default() };
        let mut last = Tail::default();
        let mut output = std::pin::pin!(self.logs(id, range));
        while let Some(bytes) = output.try_next().await? {
            for line in String::from_utf8_lossy(&bytes).lines().filter(|line| !line.trim().is_empty()) {
                on_line(line);
                last.push(line);
            }
        }
        let code = self.wait(id).await?;
        Ok((code, last.text()))
    }

    /// Makes a helper, runs it to its end and removes it, however it ended: its exit code and its last lines. Who drops
    /// the future leaves it to the sweep by its label.
    ///
    /// # Errors
    /// When it cannot be made, started or removed, or the engine goes away.
    pub async fn run_once(&self, spec: &HelperSpec, on_line: impl FnMut(&str)) -> Result<(i64, String)> {
        let id = self.create_helper(spec).await?;
        let ran = self.run_helper(&id, on_line).await;
        let removed = self.remove(&id).await;
        let ran = ran?;
        removed.map(|()| ran)
    }

    /// Waits for a container's end; returns its exit code.
    ///
    /// # Errors
    /// When the engine goes away.
    pub async fn wait(&self, id: &str) -> Result<i64> {
        match self.api.wait_container(id, None::<WaitContainerOptions>).next().await {
            Some(Ok(end)) => Ok(end.status_code),
            // bollard reports a non-zero status as an error of its own.
            Some(Err(bollard::errors::Error::DockerContainerWaitError { code, .. })) => Ok(code),
            Some(Err(error)) => Err(error).context("the engine did not wait for the container"),
            None => anyhow::bail!("the engine ended the wait without an exit code"),
        }
    }

    /// Starts a container; one that runs already is fine.
    ///
    /// # Errors
    /// When the engine cannot start it; the cause is the engine's sentence.
    pub async fn start(&self, name: &str) -> Result<()> {
        self.api
            .start_container(name, None::<StartContainerOptions>)
            .await
            .with_context(|| format!("could not start {name}"))
            .map_err(port_taken)
    }

    /// Stops a container within the grace period of its own; one that does not run is fine.
    ///
    /// # Errors
    /// When the engine cannot.
    pub async fn stop(&self, name: &str, grace_s: i32) -> Result<()> {
        let options = StopContainerOptionsBuilder::default().t(grace_s).build();
        let stopped = self.patient().stop_container(name, Some(options)).await;
        found(stopped).map(|_| ()).with_context(|| format!("could not stop {name}"))
    }

    /// Removes a container, running or not, with its anonymous volumes; a missing one is fine. Named volumes stay.
    ///
    /// # Errors
    /// When the engine cannot.
    pub async fn remove(&self, name: &str) -> Result<()> {
        self.remove_with(name, true).await
    }

    /// As [`Docker::remove`], and every volume stays: for containers that are not ours alone, such as the stack's own.
    ///
    /// # Errors
    /// As [`Docker::remove`].
    pub async fn remove_but_volumes(&self, name: &str) -> Result<()> {
        self.remove_with(name, false).await
    }

    async fn remove_with(&self, name: &str, volumes: bool) -> Result<()> {
        let options = RemoveContainerOptionsBuilder::default().force(true).v(volumes).build();
        found(self.patient().remove_container(name, Some(options)).await)
            .map(|_| ())
            .with_context(|| format!("could not remove {name}"))
    }

    /// Unpacks a tar into a container's file system; it need not run.
    ///
    /// # Errors
    /// When the engine refuses it.
    pub async fn upload(&self, name: &str, path: &str, tar: Bytes) -> Result<()> {
        let options = UploadToContainerOptionsBuilder::default().path(path).build();
        let sent = self.patient().upload_to_container(name, Some(options), bollard::body_full(tar)).await;
        sent.with_context(|| format!("could not put files into {name}"))
    }

    /// A container's log, stdout and stderr as they came.
    pub fn logs(&self, name: &str, range: LogRange) -> impl Stream<Item = Result<Bytes>> + use<> {
        let options = LogsOptionsBuilder::default()
            .stdout(true)
            .stderr(true)
            .follow(range.follow)
            .since(range.since)
            .timestamps(range.timestamps)
            .tail(&range.tail.map_or_else(|| "all".to_owned(), |n| n.to_string()))
            .build();
        self.api.logs(name, Some(options)).map(|line| Ok(line?.into_bytes()))
    }
}

fn labels(spec: &HelperSpec) -> HashMap<String, String> {
    let mut labels = HashMap::from([
        (crate::stack::RUN_LABEL.to_owned(), spec.run.clone()),
        (crate::stack::RUN_HOME_LABEL.to_owned(), spec.home.clone()),
    ]);
    if spec.kept {
        labels.insert(crate::stack::KEPT_LABEL.to_owned(), "1".to_owned());
    }
    labels
}

fn tcp(port: u16) -> String {
    format!("{port}/tcp")
}

fn loopback((container, host): (u16, u16)) -> (String, Option<Vec<PortBinding>>) {
    let port = (host != 0).then(|| host.to_string());
    (tcp(container), Some(vec![PortBinding { host_ip: Some("127.0.0.1".to_owned()), host_port: port }]))
}

fn known_as(network: &str, aliases: &[String]) -> NetworkingConfig {
    let endpoint = EndpointSettings { aliases: Some(aliases.to_vec()), ..Default::default() };
    NetworkingConfig { endpoints_config: Some(HashMap::from([(network.to_owned(), endpoint)])) }
}

impl From<ContainerInspectResponse> for Container {
    fn from(c: ContainerInspectResponse) -> Self {
        let state = c.state.unwrap_or_default();
        let config = c.config.unwrap_or_default();
        let host = c.host_config.unwrap_or_default();
        let log = host.log_config.unwrap_or_default();
        Self {
            id: c.id.unwrap_or_default(),
            name: c.name.unwrap_or_default().trim_start_matches('/').to_owned(),
            image: config.image.unwrap_or_default(),
            image_id: c.image.unwrap_or_default(),
            status: status(state.status),
            health: state.health.map(health),
            exit_code: state.exit_code.unwrap_or_default(),
            restarts: c.restart_count.unwrap_or_default(),
            oom_killed: state.oom_killed.unwrap_or_default(),
            pid: state.pid.unwrap_or_default(),
            started_at: state.started_at.unwrap_or_default(),
            env: environment(&config.env.unwrap_or_default()),
            labels: config.labels.unwrap_or_default().into_iter().collect(),
            mounts: c.mounts.unwrap_or_default().into_iter().map(mount).collect(),
            ports: ports(c.network_settings.and_then(|n| n.ports).unwrap_or_default()),
            probe: config.healthcheck.and_then(|probe| probe.test).unwrap_or_default(),
            log_driver: log.typ.unwrap_or_default(),
            log_max: log.config.unwrap_or_default().remove("max-size").unwrap_or_default(),
            layer: c.graph_driver.and_then(|driver| driver.data.get("UpperDir").cloned()).unwrap_or_default(),
            gpus: host.device_requests.is_some_and(|requests| !requests.is_empty()),
        }
    }
}

fn status(status: Option<ContainerStateStatusEnum>) -> Status {
    match status {
        Some(ContainerStateStatusEnum::RUNNING) => Status::Running,
        Some(ContainerStateStatusEnum::PAUSED) => Status::Paused,
        Some(ContainerStateStatusEnum::RESTARTING) => Status::Restarting,
        Some(ContainerStateStatusEnum::EXITED) => Status::Exited,
        Some(ContainerStateStatusEnum::CREATED) => Status::Created,
        _ => Status::Dead,
    }
}

fn health(health: bollard::models::Health) -> Health {
    let last = health.log.unwrap_or_default().pop().and_then(|probe| probe.output).unwrap_or_default();
    Health {
        status: health.status.map_or_else(String::new, |s| s.to_string()),
        last_output: last.trim().to_owned(),
        failing: health.failing_streak.unwrap_or_default(),
    }
}

fn environment(lines: &[String]) -> Environment {
    let pairs = lines.iter().filter_map(|line| line.split_once('='));
    Environment(pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
}

fn mount(mount: bollard::models::MountPoint) -> Mount {
    Mount {
        volume: mount.name.unwrap_or_default(),
        source: mount.source.unwrap_or_default(),
        destination: mount.destination.unwrap_or_default(),
        writable: mount.rw.unwrap_or(true),
    }
}

fn ports(map: bollard::models::PortMap) -> Vec<Port> {
    let mut ports: Vec<_> = map
        .into_iter()
        .flat_map(|(container, bindings)| {
            let container = container.split('/').next().and_then(|port| port.parse().ok()).unwrap_or(0);
            bindings.unwrap_or_default().into_iter().filter_map(move |binding| {
                let host = binding.host_port?.parse().ok()?;
                Some(Port { address: binding.host_ip.unwrap_or_default(), host, container })
            })
        })
        .collect();
    ports.sort();
    ports
}
