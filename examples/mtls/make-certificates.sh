#!/bin/sh
# Creates the files that gateway.yaml names, to try it out: two CAs, a certificate for the gateway, one for each of two
# agents, and a revocation list. They go to the folder tls/ next to this script, or to FOLDER.
#
# make-certificates.sh [FOLDER]                 creates all files again
# make-certificates.sh --revoke NAME [FOLDER]   revokes the certificate of an agent, and renews the list
set -eu

revoke=
if [ "${1:-}" = --revoke ]; then
  revoke=$2
  shift 2
fi
folder=${1:-$(dirname "$0")/tls}
days=90

config() { # the records in which `openssl ca` keeps what the CA for clients revoked
  cat > "$folder/clients.cnf" <<END
[ca]
default_ca = clients
[clients]
database = $folder/clients.index
crlnumber = $folder/clients.number
certificate = $folder/clients.pem
private_key = $folder/clients.key
default_md = sha256
default_crl_days = 30
END
}

list() { openssl ca -config "$folder/clients.cnf" -gencrl -out "$folder/clients.crl.next" 2> "$folder/log" &&
  mv "$folder/clients.crl.next" "$folder/clients.crl"; }

key() { openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$folder/$1.key" 2> "$folder/log"; }

authority() { # NAME
  key "$1"
  openssl req -x509 -new -key "$folder/$1.key" -days 3650 -subj "/O=Example/CN=$1" -out "$folder/$1.pem" \
    -addext 'basicConstraints=critical,CA:TRUE' -addext 'keyUsage=critical,keyCertSign,cRLSign' 2> "$folder/log"
}

issue() { # NAME AUTHORITY SAN USAGE
  key "$1"
  printf 'basicConstraints=critical,CA:FALSE\nsubjectAltName=%s\nextendedKeyUsage=%s\n' "$3" "$4" > "$folder/log.ext"
  openssl req -new -key "$folder/$1.key" -subj "/O=Example/CN=$1" 2> "$folder/log" |
    openssl x509 -req -CA "$folder/$2.pem" -CAkey "$folder/$2.key" -CAcreateserial -days "$days" \
      -extfile "$folder/log.ext" -out "$folder/$1.crt" 2> "$folder/log"
  rm "$folder/log.ext"
}

trap 'code=$?; [ $code = 0 ] || cat "$folder/log" >&2; rm -f "$folder/log"' EXIT
umask 077
mkdir -p "$folder"
config

if [ -n "$revoke" ]; then
  openssl ca -config "$folder/clients.cnf" -revoke "$folder/$revoke.crt" 2> "$folder/log"
  list
  exit
fi

authority servers
authority clients
: > "$folder/clients.index"
echo 01 > "$folder/clients.number"
issue server servers 'DNS:localhost,IP:127.0.0.1,IP:::1' serverAuth
issue report clients 'URI:spiffe://example.com/agent/report' clientAuth
issue deploy clients 'URI:spiffe://example.com/agent/deploy' clientAuth
list
