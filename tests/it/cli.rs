//! What the program prints and how it ends: exit code, standard output and standard error as one text.

use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;

/// Runs the program at the top of the source tree, with no setting but those given.
pub fn pclr<A: AsRef<OsStr>>(arguments: impl IntoIterator<Item = A>) -> String {
    run(Command::new(env!("CARGO_BIN_EXE_pclr")).args(arguments))
}

fn run(command: &mut Command) -> String {
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("PCLR_")) {
        command.env_remove(name);
    }
    let output = command.current_dir(env!("CARGO_MANIFEST_DIR")).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap().trim_end().to_owned();
    let exit = output.status.code().map_or("none".to_owned(), |code| code.to_string());
    format!("exit: {exit}\n-- stdout\n{}\n-- stderr\n{}", text(output.stdout), text(output.stderr))
}

#[test]
fn help_names_every_command() {
    insta::assert_snapshot!(pclr(["--help"]), @"
    exit: 0
    -- stdout
    A registry for AI artifacts: an OCI registry, a static-file registry and a catalogue in one program

    Usage: pclr [OPTIONS] <COMMAND>

    Commands:
      serve         Start a registry
      push          Publish a folder or file
      pull          Fetch and verify an artifact and write its files
      add           Add packages to a project and install them with all that they need
      install       Install what a project asks for
      update        Move a project to newer versions, within its ranges
      remove        Take packages out of a project
      tree          Show what a project uses, as a tree
      why           Show why a project uses a package
      show          Show an artifact, or one version with its files
      versions      List the versions of an artifact
      list          List artifacts
      search        Find artifacts by words
      complete      List names, tags and skills that begin in some way
      resolve       Find the best version in a range
      tags          List tags and how many artifacts have each
      skills        List skills and how many artifacts have each
      trending      List what is downloaded and starred most these days
      stats         Show how the registry, or one artifact, is used
      star          Give an artifact a star
      unstar        Take a star away
      stars         List the artifacts that you have given a star
      match         Find who has the skills that are needed
      related       List what is like an artifact
      dependencies  List what an artifact needs
      dependents    List who needs an artifact
      import        Publish everything that is found in a folder, table or registry.json
      draft         Begin, save, list, publish or remove drafts; `pclr push --draft` begins one from files
      yank          Take a version out of resolution, or put it back
      deprecate     Say that a version should be left, why, and for what
      rollback      Pin `latest` to a version, or let it be the highest again
      tag           List tags and what they name, let one name a version, or remove it
      diff          Show what differs between two versions
      history       Show every change of an artifact, latest first
      visibility    Let an artifact be in lists and searches, or only be served by name
      delete        Hide a version: its number stays burnt, and `pclr restore` brings it back
      purge         Give up a deleted version for good: its bytes are removed, its number stays burnt
      restore       Bring a deleted version back
      collection    List, show, make and remove collections: ordered bundles of artifacts
      owner         List, add and remove those who own an artifact
      org           Manage organisations
      user          Add, list and remove users
      token         Make, list and revoke tokens
      whoami        Show whom the registry takes you for
      rebuild       Rebuild catalogue and search index from the object store
      migrate       Move the catalogue to another metadata store
      collect       Remove content that nothing names any more [alias: gc]
      static        Make v2/ of a copied public/ folder again, after a medium that could not keep it
      fsck          Check everything that a registry keeps, and mend it
      key           Make, list, export and import the keys that you sign with
      sign          Sign an artifact that is published
      verify        Check that an artifact is signed by one of the keys that you trust
      log           Look at a registry's transparency log, and check it
      completions   Print the completions of a shell
      help          Print this message or the help of the given subcommand(s)

    Options:
      -h, --help     Print help
      -V, --version  Print version

    Everywhere:
          --registry <URL>   Address of the registry (also PCLR_REGISTRY) [default: http://127.0.0.1:7117]
          --token <TOKEN>    Token to show the registry (also PCLR_TOKEN)
          --output <FORMAT>  How to print results: table or json [default: table]
      -q, --quiet            Print errors only, and results that were asked for
    -- stderr
    ");
}

#[test]
fn help_of_push() {
    insta::assert_snapshot!(pclr(["push", "--help"]), @"
    exit: 0
    -- stdout
    Publish a folder or file

    Usage: pclr push [OPTIONS] <PATH> [NAME[@VERSION]]

    Arguments:
      <PATH>            Folder or file
      [NAME[@VERSION]]  org/name or org/name@1.2.3

    Options:
          --kind <KIND>             What it is, if the source does not say: persona, team, workflow, skill, …
          --declaration <NAME>      Which of several declarations in a PCL file
          --bump <STEP>             Publish as the next version after the highest published one: major, minor, patch or pre
          --draft                   Begin a draft instead: it is published by `pclr draft publish`
          --store <ADDRESS>         Publish in a store that owns itself, with no server: s3://, gs:// or az:// with a bucket, or file:PATH
          --log-key <FILE>          With --store, the file with the key of the store's transparency log (also PCLR_LOG_KEY)
          --sign                    Sign what is published, with --key
          --key <KEY>               Name of the key to sign with, or its file [default: default]
          --keys <DIR>              Folder with keys (also PCLR_KEYS) [default: ~/.config/pclr/keys]
          --passphrase-file <FILE>  File with the passphrase of the key, on its first line
      -h, --help                    Print help

    Everywhere:
          --registry <URL>   Address of the registry (also PCLR_REGISTRY) [default: http://127.0.0.1:7117]
          --token <TOKEN>    Token to show the registry (also PCLR_TOKEN)
          --output <FORMAT>  How to print results: table or json [default: table]
      -q, --quiet            Print errors only, and results that were asked for

    The version is the one in the source, unless the name says another. A version never changes: pushing the same files again does nothing, other files need a new version.
    -- stderr
    ");
}

#[test]
fn nothing_typed_shows_the_help() {
    assert!(pclr::<&str>([]).starts_with("exit: 2\n"));
}

#[test]
fn an_unknown_command_suggests_one() {
    insta::assert_snapshot!(pclr(["serch", "x"]), @"
    exit: 2
    -- stdout

    -- stderr
    error: unrecognized subcommand 'serch'

      tip: some similar subcommands exist: 'serve', 'user', 'search'

    Usage: pclr [OPTIONS] <COMMAND>

    For more information, try '--help'.
    ");
}

#[test]
fn a_push_without_a_name_says_what_to_type() {
    insta::assert_snapshot!(pclr(["push", "tests/fixtures/hello-skill"]), @"
    exit: 2
    -- stdout

    -- stderr
    error: tests/fixtures/hello-skill is to be published, but under which name is not said
    hint: pclr push tests/fixtures/hello-skill ORG/hello-skill, with your organisation for ORG
    ");
}

#[test]
fn a_push_without_a_version_says_what_to_type() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    std::fs::write(folder.path().join("SKILL.md"), "---\nname: tea\ndescription: Makes tea.\n---\n").unwrap();
    let path = folder.path().to_str().unwrap();
    let printed = pclr(["push", path, "acme/tea"]).replace(path, "FOLDER");
    insta::assert_snapshot!(printed, @"
    exit: 2
    -- stdout

    -- stderr
    error: FOLDER has no version: neither SKILL.md nor the name says one
    hint: pclr push FOLDER acme/tea@0.1.0, or give SKILL.md a version of its own
    ");
}

#[test]
fn a_push_of_nothing_is_a_usage_error() {
    insta::assert_snapshot!(pclr(["push", "tests/fixtures/absent", "acme/absent@1.0.0"]), @"
    exit: 2
    -- stdout

    -- stderr
    error: tests/fixtures/absent does not exist
    ");
}

#[test]
fn a_range_cannot_be_published_or_yanked() {
    insta::assert_snapshot!(pclr(["push", "tests/fixtures/hello-skill", "acme/hello@^1"]), @"
    exit: 2
    -- stdout

    -- stderr
    error: acme/hello@^1 does not name one exact version
    hint: pclr push tests/fixtures/hello-skill acme/hello@1.2.3; ranges, tags and digests are for reading
    ");
    insta::assert_snapshot!(pclr(["yank", "acme/hello@^1"]), @r#"
    exit: 2
    -- stdout

    -- stderr
    error: "acme/hello@^1" names no exact version: write org/name@1.2.3
    "#);
}

#[test]
fn names_outside_the_grammar_are_usage_errors() {
    insta::assert_snapshot!(pclr(["pull", "Acme/hello"]), @r#"
    exit: 2
    -- stdout

    -- stderr
    error: invalid value 'Acme/hello' for '<NAME>': package name "Acme/hello" is not valid: a path component is lower-case letters and digits, joined by one '.', one or two '_', or any number of '-'

    For more information, try '--help'.
    "#);
    insta::assert_snapshot!(pclr(["resolve", "acme/hello", "not a range"]), @r#"
    exit: 2
    -- stdout

    -- stderr
    error: invalid value 'not a range' for '<RANGE>': "not a range" is not a range: unexpected character 'n' while parsing major version

    For more information, try '--help'.
    "#);
    insta::assert_snapshot!(pclr(["list", "--kind", "recipe"]), @r#"
    exit: 2
    -- stdout

    -- stderr
    error: invalid value 'recipe' for '--kind <KIND>': "recipe" is not a kind: expected persona, team, workflow, skill, type, interface, enum, function or module

    For more information, try '--help'.
    "#);
    insta::assert_snapshot!(pclr(["import", "tests/fixtures", "--org", "a/b"]), @r#"
    exit: 2
    -- stdout

    -- stderr
    error: invalid value 'a/b' for '--org <ORG>': organisation "a/b" is not valid: it is one word, without a slash

    For more information, try '--help'.
    "#);
}

#[test]
fn no_registry_at_the_address() {
    let printed = pclr(["--registry", "http://127.0.0.1:1", "list"]);
    let printed = printed.replace("(os error 111)", "(os error N)").replace("(os error 61)", "(os error N)");
    insta::assert_snapshot!(printed, @"
    exit: 3
    -- stdout

    -- stderr
    error: no answer from http://127.0.0.1:1 to the list of artifacts: cannot connect: Connection refused (os error N)
    hint: `pclr serve` starts a registry here; --registry URL names another
    ");
    insta::assert_snapshot!(pclr(["--registry", "localhost:7117", "list"]), @r#"
    exit: 2
    -- stdout

    -- stderr
    error: "localhost:7117" is not the address of a registry: it begins with http:// or https:// and a host
    hint: an address looks like http://127.0.0.1:7117
    "#);
}

#[test]
fn beyond_loopback_serve_wants_to_know_who_may_do_what() {
    insta::assert_snapshot!(pclr(["serve", "--listen", "0.0.0.0:7117"]), @"
    exit: 2
    -- stdout

    -- stderr
    error: 0.0.0.0:7117 can be reached from other machines, and nobody said what anybody may do there
    hint: say it: --anonymous none, --anonymous read, or --anonymous write
    ");
}

#[test]
fn a_misspelt_key_in_the_settings_file_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("pclr.toml"), "listn = '127.0.0.1:1'\n").unwrap();
    let path = folder.path().to_str().unwrap();
    let printed = pclr(["serve", "--data", path]).replace(path, "DATA");
    let (head, _) = printed.split_once(", expected one of").expect("it lists the keys");
    insta::assert_snapshot!(head, @"
    exit: 2
    -- stdout

    -- stderr
    error: DATA/pclr.toml cannot be used: TOML parse error at line 1, column 1
      |
    1 | listn = '127.0.0.1:1'
      | ^^^^^
    unknown field `listn`
    ");
}

#[test]
fn a_vocabulary_that_cannot_be_used_is_an_error_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let words = folder.path().join("words.toml");
    std::fs::write(&words, "[tags.a]\nsynonyms = ['b']\n[tags.b]\n").unwrap();
    let (path, data) = (words.to_str().unwrap(), folder.path().join("data"));
    let printed = pclr(["serve", "--data", data.to_str().unwrap(), "--vocabulary", path]).replace(path, "FILE");
    insta::assert_snapshot!(printed, @r#"
    exit: 2
    -- stdout

    -- stderr
    error: the vocabulary FILE cannot be used: "b" among the tags stands for "b" and for "a"
    hint: docs/operations.md shows one: [tags.greeting] with category, description and synonyms
    "#);
    assert!(!data.exists(), "nothing was begun");
}

#[test]
fn a_flag_wins_over_a_variable() {
    let command = |flag: Option<&str>| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pclr"));
        command.arg("list").args(flag.map(|url| ["--registry", url]).into_iter().flatten());
        let output = command.env("PCLR_REGISTRY", "http://127.0.0.1:2").output().unwrap();
        String::from_utf8(output.stderr).unwrap()
    };
    assert!(command(None).contains("from http://127.0.0.1:2"));
    assert!(command(Some("http://127.0.0.1:3")).contains("from http://127.0.0.1:3"));
}

#[test]
fn completions_for_each_shell() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let printed = pclr(["completions", shell]);
        assert!(printed.starts_with("exit: 0") && printed.contains("versions"), "{shell}");
    }
}

#[test]
fn bash_completes_names_as_the_registry_has_them() {
    let program = Path::new(env!("CARGO_BIN_EXE_pclr")).display();
    // Instead of a registry: what it was asked is what it answers.
    let script = format!(
        "source <({program} completions bash); pclr() {{ printf '%s\\n' 'acme/hello *' \"$*\"; }}; \
         COMP_WORDS=(pclr show ac); COMP_CWORD=2; _pclr_names pclr ac show; printf '%s\\n' \"${{COMPREPLY[@]}}\""
    );
    let output = Command::new("bash").args(["-c", &script]).output().unwrap();
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "acme/hello *\ncomplete --of name --values --limit 50 -- ac\n",
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn a_reader_that_went_away_is_no_error() {
    let program = Path::new(env!("CARGO_BIN_EXE_pclr")).display();
    let script = format!("{{ {program} completions bash; echo exit: $? >&2; }} | true");
    let output = Command::new("sh").args(["-c", &script]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr).trim(), "exit: 0");
}
