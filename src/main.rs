//! A trial main for the backend; the lead's replaces it.

use clap::Parser;
use tars::serve::{ServeArgs, command};

#[derive(Parser)]
#[command(name = "tars", version)]
enum Cli {
    Serve(ServeArgs),
}

fn main() -> std::process::ExitCode {
    tars::client::resolve::use_own_resolver();
    let Cli::Serve(args) = Cli::parse();
    let Ok(runtime) = tokio::runtime::Runtime::new() else { return 1.into() };
    let result = runtime.block_on(command(&args));
    // A name look-up that hangs in a blocking thread must not keep the process.
    runtime.shutdown_background();
    match result {
        Ok(()) => 0.into(),
        Err(error) => {
            use std::io::Write;
            let _ = writeln!(std::io::stderr(), "error: {error:#}\nhint: {:?}", tars::error::hints_of(&error));
            tars::error::exit_of(&error).code().into()
        }
    }
}
