//! Parses the command line, runs, and maps an error to an exit code and a hint.

fn main() -> std::process::ExitCode {
    helmward::cli::main()
}
