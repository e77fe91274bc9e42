#!/bin/sh
# Creates docker/secrets/ for compose.yaml: new passwords of the database's roles. Run it once, as root: the files belong
# to the group 65532 of the containers' processes, and other users cannot read them.
set -eu
cd "$(dirname "$0")"
umask 077
mkdir secrets

url() {
    printf 'postgres://%s:%s@postgres:5432/dax\n' "$1" "$(openssl rand -hex 24)"
}

openssl rand -hex 24 > secrets/postgres_password
url dax_owner > secrets/dax_owner_url
url dax_app > secrets/dax_app_url
# Fill in a [default] profile with keys, unless the machine has a role.
: > secrets/aws_credentials
chown -R :65532 secrets
chmod 0750 secrets
chmod 0440 secrets/*
