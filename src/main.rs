//! Parse, run, exit: nothing else.

fn main() -> std::process::ExitCode {
    std::process::ExitCode::from(tars::run().code())
}
