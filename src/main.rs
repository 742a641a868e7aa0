//! The binary. All of it is in the library beside it.

fn main() -> std::process::ExitCode {
    scrubjay::run()
}
