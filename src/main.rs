//! Parses arguments, calls the command line, returns the exit code.

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    ExitCode::from(parcelle::cli::main(std::env::args_os()).code())
}
