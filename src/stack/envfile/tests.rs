//! The parser against what compose does with the same lines (facts E4, F26), and the writer's promises.

use super::*;

fn value(line: &str) -> String {
    EnvFile::parse(line).get("P").unwrap_or("<none>").to_owned()
}

#[test]
fn values_are_read_as_compose_reads_them() {
    for (line, expected) in [
        ("P=plain", "plain"),
        ("P=", ""),
        ("P = spaced ", "spaced"),
        ("export P=exported", "exported"),
        ("P=a #b", "a"),
        ("P=a#b", "a#b"),
        ("P=#b", ""),
        ("P='x$y'", "x$y"),
        ("P='a b' # why", "a b"),
        ("P=\"a\\nb\"", "a\nb"),
        ("P=\"a\\\"b\"", "a\"b"),
        ("P=\"cost \\$5\"", "cost $5"),
        ("P=$(cmd)", "$(cmd)"),
        ("P=x$NOT_SET_ANYWHERE", "x"),
        ("P=${NOT_SET_ANYWHERE:-d}", "d"),
        ("A=1\nP=x${A}y$A", "x1y1"),
        ("P='two\nlines'", "two\nlines"),
        ("P=first\nP=last", "last"),
        ("P=with=equals", "with=equals"),
        ("P=crlf\r\n", "crlf"),
    ] {
        assert_eq!(value(line), expected, "{line:?}");
    }
}

#[test]
fn a_broken_line_is_named_and_the_rest_is_read() {
    let env = EnvFile::parse("A=1\njust words\nB='open\nC=3");
    let lines: Vec<_> = env.problems().iter().map(|problem| problem.line).collect();
    assert_eq!(lines, [2, 3]);
    assert_eq!((env.get("A"), env.get("C")), (Some("1"), Some("3")));
    assert!(env.problem().is_some_and(|failure| failure.message.contains("line 2")));
}

#[test]
fn a_line_that_is_not_utf8_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("env");
    std::fs::write(&path, b"A=1\nB=caf\xe9\nC=3\nwords\n").unwrap();
    let env = EnvFile::read(&path).unwrap().unwrap();
    let lines: Vec<_> = env.problems().iter().map(|problem| problem.line).collect();
    assert_eq!((lines.as_slice(), env.get("C")), ([2, 4].as_slice(), Some("3")));
    assert!(env.problem().is_some_and(|failure| failure.message.contains("line 2: this is not UTF-8")));
}

#[test]
fn only_what_compose_sees_is_referred_to() {
    assert_eq!(value("P=x$CARGO_PKG_NAME"), "x", "the shell's own variables stay outside");
    assert_ne!(value("P=$PATH"), "");
    assert_eq!(value("P=x$LATER\nLATER=1"), "x");
}

#[test]
fn a_problem_never_quotes_what_may_be_a_secret() {
    let env = EnvFile::parse("hunter2hunter2\nP='s3cret");
    assert!(env.problems().iter().all(|p| !p.what.contains("hunter2") && !p.what.contains("s3cret")));
}

#[test]
fn setting_keeps_everything_else() {
    let text = "# head\n\nA=1 # one\nX=\"q\"\nexport B = 'two'\n# tail";
    let mut env = EnvFile::parse(text);
    assert_eq!(env.text(), text);
    env.set("A", "1");
    assert_eq!(env.text(), text, "an equal value changes nothing");
    env.set("B", "it's $5");
    env.set("NEW", "n");
    assert_eq!(env.text(), "# head\n\nA=1 # one\nX=\"q\"\nB=\"it's \\$5\"\n# tail\nNEW=n\n");
    assert_eq!(EnvFile::parse(&env.text()).get("B"), Some("it's $5"));
}

#[test]
fn a_comment_behind_a_value_survives_a_new_value() {
    let mut env = EnvFile::parse("A=1 # one\nB='x # y' # two\nC=  # fill me\nD=a#b\n");
    for key in ["A", "B", "C", "D"] {
        env.set(key, "new");
    }
    assert_eq!(env.text(), "A=new # one\nB=new # two\nC=new # fill me\nD=new\n");
    let again = EnvFile::parse(&env.text());
    assert!(["A", "B", "C", "D"].iter().all(|key| again.get(key) == Some("new")));
}

#[test]
fn what_is_written_is_what_is_read() {
    for value in ["", "a b", "x$y", "it's", "\"quoted\"", "back\\slash", "line\nbreak", "#hash", "a #b", "ü"] {
        let mut env = EnvFile::parse("");
        env.set("P", value);
        assert_eq!(EnvFile::parse(&env.text()).get("P"), Some(value), "{:?}", env.text());
    }
}

#[test]
fn completing_adds_only_what_is_missing_with_its_comment() {
    let template = EnvFile::parse("# about A\nA=1\n\n# about B\n# more\nB=2\n");
    let mut env = EnvFile::parse("A=mine");
    env.complete_from(&template);
    assert_eq!(env.text(), "A=mine\n\n# about B\n# more\nB=2\n");
    let once = env.text();
    env.complete_from(&template);
    assert_eq!(env.text(), once);
}

#[test]
fn a_broken_line_is_no_less_secret() {
    let env = EnvFile::parse("export A_PASSWORD='never closed\nlost words here\n# comment\nB=1\n");
    let spoiled: Vec<_> = env.spoiled().collect();
    assert_eq!(spoiled, [("A_PASSWORD".into(), "never closed".into()), ("SECRET".into(), "lost words here".into())]);
}
