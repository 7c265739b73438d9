//! Parses the command line, runs, and maps an error to an exit code and a hint.

/// Rendering is many small pieces of memory, on many threads.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    helmward::cli::main()
}
