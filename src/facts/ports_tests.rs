use super::super::testing::{container, env};
use super::*;

fn api(env: &Env, containers: &[Container]) -> Port {
    look(Path::new("/"), env, containers).unwrap().remove(0)
}

fn publishing(name: &str, project: &str, port: u16) -> Container {
    let mut container = container(name, project, &[]);
    container.ports.push(crate::docker::Port { address: "0.0.0.0".to_owned(), host: port, container: 80 });
    container
}

#[test]
fn a_listening_process_is_named_and_the_next_port_is_free() {
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = socket.local_addr().unwrap().port();
    let port = api(&env(&format!("TARS_PORT_API={taken}\n")), &[]);
    assert!(matches!(&port.holder, Holder::Process { pid, .. } if *pid == std::process::id()), "{:?}", port.holder);
    assert_ne!(port.next_free, Some(taken));
    drop(socket);
    assert_eq!(api(&env(&format!("TARS_PORT_API={taken}\n")), &[]).holder, Holder::Nobody);
}

#[test]
fn containers_are_told_apart() {
    let env = env("TARS_PORT_API=65001\n");
    assert_eq!(
        api(&env, &[publishing("tars-home-backend", "tars-home", 65001)]).holder,
        Holder::Ours("tars-home-backend".into())
    );
    let other = Holder::Container { name: "web".into(), project: "shop".into() };
    assert_eq!(api(&env, &[publishing("web", "shop", 65001)]).holder, other);
    let mut stopped = publishing("web", "shop", 65001);
    stopped.status = crate::docker::Status::Exited;
    assert_eq!(api(&env, &[stopped]).holder, Holder::Nobody);
}

#[test]
fn settings_that_cannot_work_are_told() {
    let all =
        look(Path::new("/"), &env("TARS_PORT_API=65002\nTARS_PORT_WEB=65002\nTARS_PORT_REDIS=no\n"), &[]).unwrap();
    assert_eq!(all[0].setting, "TARS_PORT_API");
    assert!(
        all.iter().any(|port| port.holder == Holder::Setting("TARS_PORT_API".into()) && port.next_free != Some(65002))
    );
    assert!(all.iter().any(|port| port.setting == "TARS_PORT_REDIS" && port.port.is_none()));
    assert_eq!(api(&env("TARS_BIND=192.0.2.7\nTARS_PORT_API=65003\n"), &[]).holder, Holder::NoSuchAddress);
}

#[test]
fn an_ollama_that_will_not_run_publishes_nothing() {
    let settings = |text: &str| published(&env(text)).iter().map(|(setting, _)| *setting).collect::<Vec<_>>();
    assert_eq!(settings("TARS_LLM=none\nTARS_PORT_OLLAMA=11434\n"), ["TARS_PORT_API"]);
    assert_eq!(settings("TARS_LLM=container\nTARS_PORT_OLLAMA=11434\n"), ["TARS_PORT_API", "TARS_PORT_OLLAMA"]);
}
