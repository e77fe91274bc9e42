#!/bin/sh
# Gives the roles of roles.sql the passwords in their URLs. PostgreSQL's image runs it once, after roles.sql.
set -e
for role in dax_owner dax_app; do
    password=$(sed -n "s,^postgres://$role:\([0-9a-f]*\)@.*,\1,p" "/run/secrets/${role}_url")
    test -n "$password"
    # On standard input, because other processes can read arguments.
    printf "alter role %s password '%s';\n" "$role" "$password" |
        psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname "$POSTGRES_DB"
done
