//! Every source of credentials in the table of `docs/operations.md`: what is asked for them, and that
//! AWS is called with them. One server is the container's endpoint, the instance's metadata and the
//! proxy: it answers the first two, and records which hosts a TLS connection is requested to.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};

use crate::engine::processes::BINARY;

const KEYS: &str = r#"{"Version": 1, "Code": "Success", "Type": "AWS-HMAC",
    "AccessKeyId": "ASIAEXAMPLE", "SecretAccessKey": "secret", "SessionToken": "token", "Token": "token",
    "LastUpdated": "2026-01-01T00:00:00Z", "Expiration": "2099-01-01T00:00:00Z"}"#;

/// What was requested of the server: method and path, or `CONNECT host:port`.
type Requests = Arc<Mutex<Vec<String>>>;

fn serve() -> (u16, Requests) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let requests = Requests::default();
    let recorded = Arc::clone(&requests);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let recorded = Arc::clone(&recorded);
            std::thread::spawn(move || answer(stream, &recorded));
        }
    });
    (port, requests)
}

/// Answers the requests of a connection, until a tunnel is requested or the client closes it.
fn answer(mut stream: TcpStream, recorded: &Requests) {
    let mut head = Vec::new();
    let mut byte = [0];
    while stream.read(&mut byte).is_ok_and(|read| read == 1) {
        head.push(byte[0]);
        if !head.ends_with(b"\r\n\r\n") {
            continue;
        }
        let text = String::from_utf8_lossy(&head).into_owned();
        head.clear();
        let request = text.lines().next().unwrap().replace(" HTTP/1.1", "");
        let (status, body) = match request.as_str() {
            "GET /task" if text.to_lowercase().contains("authorization: of-the-task") => {
                ("200 OK", KEYS)
            }
            "PUT /latest/api/token" => ("200 OK", "of-imdsv2"),
            "GET /latest/meta-data/iam/security-credentials/" => ("200 OK", "role"),
            "GET /latest/meta-data/iam/security-credentials/role" => ("200 OK", KEYS),
            _ => ("502 Bad Gateway", ""),
        };
        recorded.lock().unwrap().push(request);
        let length = body.len();
        let ttl = "x-aws-ec2-metadata-token-ttl-seconds: 21600";
        let answer =
            format!("HTTP/1.1 {status}\r\n{ttl}\r\ncontent-length: {length}\r\n\r\n{body}");
        if stream.write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

/// Runs `doctor` with only these settings. Returns what was requested, and the report.
fn doctor(home: &Path, settings: &[(&str, &str)]) -> (Vec<String>, String) {
    let (port, requests) = serve();
    let url = format!("http://127.0.0.1:{port}");
    let mut doctor = Command::new(BINARY);
    doctor
        .args(["doctor", "--permissions-boundary", "none"])
        .env_clear()
        .env("HOME", home)
        .env("PATH", "/usr/bin:/bin")
        .env("AWS_REGION", "us-east-1")
        .env("HTTPS_PROXY", &url);
    for (name, value) in settings {
        doctor.env(name, value.replace("URL", &url));
    }
    if !settings.iter().any(|(name, _)| name.contains("METADATA")) {
        doctor.env("AWS_EC2_METADATA_DISABLED", "true");
    }
    let output = doctor.output().unwrap();
    let report = String::from_utf8_lossy(&output.stdout).into_owned();
    let requests = requests.lock().unwrap().clone();
    (requests, report)
}

const STS: &str = "CONNECT sts.us-east-1.amazonaws.com:443";

/// Settings of a source, the profile `p`, and the requests that the source must lead to, in this order.
struct Source {
    settings: &'static [(&'static str, &'static str)],
    profile: &'static str,
    requests: &'static [&'static str],
}

const PROFILE: &[(&str, &str)] = &[("AWS_PROFILE", "p")];

const SOURCES: [Source; 11] = [
    Source {
        settings: &[
            ("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE"),
            ("AWS_SECRET_ACCESS_KEY", "secret"),
        ],
        profile: "",
        requests: &[STS],
    },
    Source {
        settings: PROFILE,
        profile: "aws_access_key_id = AKIAEXAMPLE\naws_secret_access_key = secret",
        requests: &[STS],
    },
    Source {
        settings: PROFILE,
        profile: "sso_session = s\nsso_account_id = 123456789012\nsso_role_name = r\n\
            [sso-session s]\nsso_region = eu-west-1\nsso_start_url = https://d-1.awsapps.com/start",
        requests: &["CONNECT portal.sso.eu-west-1.amazonaws.com:443"],
    },
    Source {
        settings: PROFILE,
        profile: "role_arn = arn:aws:iam::123456789012:role/r\nsource_profile = base\n\
            [profile base]\naws_access_key_id = AKIAEXAMPLE\naws_secret_access_key = secret",
        requests: &[STS],
    },
    // A role that another role assumes.
    Source {
        settings: PROFILE,
        profile: "role_arn = arn:aws:iam::123456789012:role/r\nsource_profile = middle\n\
            [profile middle]\nrole_arn = arn:aws:iam::210987654321:role/m\nsource_profile = base\n\
            [profile base]\naws_access_key_id = AKIAEXAMPLE\naws_secret_access_key = secret",
        requests: &[STS],
    },
    Source {
        settings: PROFILE,
        profile: "login_session = arn:aws:iam::123456789012:user/u",
        requests: &[STS],
    },
    Source {
        settings: PROFILE,
        profile: "credential_process = /bin/cat HOME/process.json",
        requests: &[STS],
    },
    Source {
        settings: &[
            ("AWS_WEB_IDENTITY_TOKEN_FILE", "HOME/web.token"),
            ("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/r"),
        ],
        profile: "",
        requests: &[STS],
    },
    Source {
        settings: &[
            ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "URL/task"),
            ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "of-the-task"),
        ],
        profile: "",
        requests: &["GET /task", STS],
    },
    // EKS Pod Identity.
    Source {
        settings: &[
            ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "URL/task"),
            ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "HOME/pod.token"),
        ],
        profile: "",
        requests: &["GET /task", STS],
    },
    Source {
        settings: &[("AWS_EC2_METADATA_SERVICE_ENDPOINT", "URL")],
        profile: "",
        requests: &[
            "PUT /latest/api/token",
            "GET /latest/meta-data/iam/security-credentials/",
            "GET /latest/meta-data/iam/security-credentials/role",
            STS,
        ],
    },
];

/// Writes the files that sources read: the configuration, the token of IAM Identity Center (its name
/// is the SHA-1 of the session's name), that of `aws login` (the SHA-256 of the session), a web
/// identity, the token of a pod, and what a process prints.
fn write_files(home: &Path, profile: &str) {
    let aws = home.join(".aws");
    std::fs::create_dir_all(aws.join("sso/cache")).unwrap();
    std::fs::write(aws.join("config"), format!("[profile p]\n{profile}\n")).unwrap();
    let token = r#"{"accessToken": "a", "expiresAt": "2099-01-01T00:00:00Z", "region": "eu-west-1",
        "startUrl": "https://d-1.awsapps.com/start"}"#;
    let file = "a0f1490a20d0211c997b44bc357e1972deab8ae3.json";
    std::fs::write(aws.join("sso/cache").join(file), token).unwrap();
    std::fs::create_dir_all(aws.join("login/cache")).unwrap();
    let token = r#"{"accessToken": {"accessKeyId": "ASIAEXAMPLE", "secretAccessKey": "secret", "sessionToken": "t",
        "accountId": "123456789012", "expiresAt": "2099-01-01T00:00:00Z"}, "tokenType": "aws_sigv4",
        "refreshToken": "r", "clientId": "c", "dpopKey": "k"}"#;
    let file = "88929adfce05bf7ccf2ae7272cfbb0b23141302ba0339a173f53232e95660515.json";
    std::fs::write(aws.join("login/cache").join(file), token).unwrap();
    std::fs::write(home.join("pod.token"), "of-the-task").unwrap();
    std::fs::write(home.join("web.token"), "a.b.c").unwrap();
    std::fs::write(home.join("process.json"), KEYS).unwrap();
}

#[test]
fn every_source_of_credentials_is_asked_and_used() {
    for source in SOURCES {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().to_str().unwrap();
        write_files(home.path(), &source.profile.replace("HOME", path));
        let settings: Vec<(&str, String)> = source
            .settings
            .iter()
            .map(|(name, value)| (*name, value.replace("HOME", path)))
            .collect();
        let settings: Vec<(&str, &str)> = settings
            .iter()
            .map(|(name, value)| (*name, &**value))
            .collect();
        let (requests, report) = doctor(home.path(), &settings);
        let mut rest = requests.iter();
        for expected in source.requests {
            assert!(
                rest.any(|request| request == expected),
                "{:?}: no {expected} in {requests:?}: {report}",
                source.settings
            );
        }
        // The proxy lets nothing through.
        assert!(report.contains("fail         AWS identity"), "{report}");
    }
}
