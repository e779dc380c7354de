//! Variables that look like settings of this program and are none.

/// Variables that look like settings and are none: typing errors, most likely. They are reported, not refused, because
/// container platforms set `PCLR_PORT` and the like for a service that happens to be called `pclr`.
pub(super) fn unknown_variables<'a>(
    set: impl Iterator<Item = String>,
    known: &[&'a str],
) -> Vec<(String, Option<&'a str>)> {
    // Not settings of the program, but of its tests.
    const OTHERS: [&str; 8] = [
        "PCLR_CORPUS",
        "PCLR_TEST_AZURITE",
        "PCLR_TEST_MONGOD",
        "PCLR_TEST_MONGODB",
        "PCLR_TEST_POSTGRES",
        "PCLR_TEST_POSTGRES_PROGRAMS",
        "PCLR_TEST_REGISTRY",
        "PCLR_TEST_S3",
    ];
    let unknown = |name: &String| {
        name.starts_with("PCLR_") && !known.contains(&name.as_str()) && !OTHERS.contains(&name.as_str())
    };
    let mut unknown: Vec<String> = set.filter(unknown).collect();
    unknown.sort();
    unknown
        .into_iter()
        .map(|name| {
            let near = nearest(&name, known);
            (name, near)
        })
        .collect()
}

/// The known name that is at most two edits away.
fn nearest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    known
        .iter()
        .map(|candidate| (edits(name, candidate), *candidate))
        .min()
        .filter(|(edits, _)| *edits <= 2)
        .map(|(_, name)| name)
}

/// Levenshtein's distance, row by row.
fn edits(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in b.bytes().enumerate() {
            let replaced = diagonal + usize::from(from != to);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn misspelt_variables_are_found() {
        let set = ["PCLR_LISTN", "PCLR_PORT", "PCLR_LISTEN", "PCLR_CORPUS", "PATH"].map(str::to_owned);
        let known = ["PCLR_LISTEN", "PCLR_DATA"];
        let found = unknown_variables(set.into_iter(), &known);
        assert_eq!(found, [("PCLR_LISTN".to_owned(), Some("PCLR_LISTEN")), ("PCLR_PORT".to_owned(), None)]);
    }
}
