//! The program: hands over to the library.

fn main() -> std::process::ExitCode {
    pcl_registry::cli::main()
}
