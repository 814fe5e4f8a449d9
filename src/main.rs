//! Parses arguments, calls the command line, returns the exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    parcelle::allocator::purge_soon();
    ExitCode::from(parcelle::cli::main(std::env::args_os()).code())
}
