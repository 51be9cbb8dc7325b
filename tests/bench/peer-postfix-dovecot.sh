#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Starts Debian's Postfix + Dovecot as one suite on loopback high ports, with
# every file it writes under one state folder.
#
#   peers/postfix-dovecot.sh start|stop|info|pids|queue|wipe
#
# Environment (all optional):
#   BENCH_STATE        state folder (default: <temp dir>/mailbench)
#   BENCH_USERS        number of virtual users u0.. (default 100)
#   PEER_PWSCHEME      PLAIN (default) | SHA512-CRYPT | BLF-CRYPT ...
#   PEER_DOVECOT_MODE  default | perf   (perf: login processes shared, imap processes reused)
#   PEER_HIBERNATE     seconds until an idling imap process hibernates (0 = off, the default); needs
#                      sysctl fs.inotify.max_user_instances above the number of connections
#   PEER_MAILFORMAT    maildir (default) | mdbox | sdbox
#   PEER_FSYNC         mail_fsync of Dovecot (default: optimized, its own default)
#   PEER_POSTFIX_EXTRA lines added to main.cf, ';' between them
#   PEER_RELAY_PORT    next hop port on loopback for everything not local (default 2626)
#   PEER_KEY           ec (default, P-256) | rsa (2048)
set -u
HERE=$(cd "$(dirname "$0")" && pwd)
TMPROOT=$(dirname "$(mktemp -u)")
S=${BENCH_STATE:-$TMPROOT/mailbench}/postfix-dovecot
USERS=${BENCH_USERS:-100}
SMTP=2525 SUBM=2587 SMTPS=2465 IMAP=2143 IMAPS=2993
SCHEME=${PEER_PWSCHEME:-PLAIN}
MODE=${PEER_DOVECOT_MODE:-default}
HIB=${PEER_HIBERNATE:-0}
FMT=${PEER_MAILFORMAT:-maildir}
now() { date +%s.%N; }
wait_port() { # port; prints the seconds waited
  python3 - "$1" "$2" <<'P'
import socket,sys,time
t0=float(sys.argv[2]); end=time.time()+30
while time.time()<end:
    try:
        s=socket.create_connection(("127.0.0.1",int(sys.argv[1])),1); s.settimeout(10)
        if s.recv(1): print("%.3f"%(time.time()-t0)); sys.exit(0)
    except OSError: time.sleep(0.002)
print("TIMEOUT"); sys.exit(1)
P
}
write_conf() {
  mkdir -p "$S/postfix/etc" "$S/postfix/spool" "$S/postfix/data" "$S/dovecot/run" "$S/dovecot/state" "$S/vmail" "$S/tls"
  chmod 755 "$S" "$S/postfix" "$S/dovecot" "$(dirname "$S")"
  chown postfix "$S/postfix/data"
  getent passwd vmailbench >/dev/null || useradd -r -M -s /usr/sbin/nologin vmailbench
  chown vmailbench:vmailbench "$S/vmail"
  if [ ! -s "$S/tls/cert.pem" ]; then
    if [ "${PEER_KEY:-ec}" = rsa ]; then k="rsa:2048"; o=""; else k=ec; o="-pkeyopt ec_paramgen_curve:P-256"; fi
    openssl req -x509 -newkey $k $o -nodes -days 3650 -subj /CN=localhost \
      -keyout "$S/tls/key.pem" -out "$S/tls/cert.pem" 2>/dev/null
  fi
  local pw
  if [ "$SCHEME" = PLAIN ]; then pw='{PLAIN}pw'; else pw=$(doveadm pw -s "$SCHEME" -p pw); fi
  : > "$S/dovecot/passwd"; : > "$S/postfix/etc/vmailbox"
  for ((i=0;i<USERS;i++)); do
    echo "u$i@example.test:$pw" >> "$S/dovecot/passwd"
    echo "u$i@example.test x" >> "$S/postfix/etc/vmailbox"
  done
  chmod 644 "$S/dovecot/passwd"
  local loc
  case $FMT in maildir) loc="maildir:~/Maildir";; mdbox) loc="mdbox:~/mdbox";; sdbox) loc="sdbox:~/sdbox";; esac
  cat > "$S/dovecot/dovecot.conf" <<E
base_dir = $S/dovecot/run
state_dir = $S/dovecot/state
log_path = $S/dovecot/log
listen = 127.0.0.1
protocols = imap lmtp
auth_mechanisms = plain login
disable_plaintext_auth = no
ssl = yes
ssl_cert = <$S/tls/cert.pem
ssl_key = <$S/tls/key.pem
ssl_min_protocol = TLSv1.2
mail_home = $S/vmail/%n
mail_location = $loc
mail_uid = vmailbench
mail_gid = vmailbench
first_valid_uid = 1
mail_fsync = ${PEER_FSYNC:-optimized}
mail_plugins =
mail_max_userip_connections = 2000
default_client_limit = 20000
passdb {
  driver = passwd-file
  args = username_format=%u $S/dovecot/passwd
}
userdb {
  driver = static
  args = uid=vmailbench gid=vmailbench home=$S/vmail/%n
}
namespace inbox {
  inbox = yes
  separator = /
}
service imap-login {
  inet_listener imap {
    port = $IMAP
  }
  inet_listener imaps {
    port = $IMAPS
    ssl = yes
  }
  process_limit = 4000
$( [ "$MODE" = perf ] && printf '  service_count = 0\n  process_min_avail = 2\n  client_limit = 5000\n  process_limit = 2\n' )
}
service imap {
  process_limit = 4000
$( [ "$MODE" = perf ] && { [ "$HIB" != 0 ] && n=1 || n=200; printf '  service_count = %s\n  process_min_avail = 2\n' $n; } )
$( [ "$HIB" != 0 ] && printf '  extra_groups = $default_internal_group\n  unix_listener imap-master {\n    user = $default_internal_user\n  }\n' )
}
$( [ "$HIB" != 0 ] && printf 'imap_hibernate_timeout = %ss\nservice imap-hibernate {\n  unix_listener imap-hibernate {\n    mode = 0660\n    group = $default_internal_group\n  }\n}\n' "$HIB" )
service lmtp {
  unix_listener $S/postfix/spool/private/dovecot-lmtp {
    mode = 0600
    user = postfix
    group = postfix
  }
}
service auth {
  unix_listener $S/postfix/spool/private/auth {
    mode = 0660
    user = postfix
    group = postfix
  }
}
protocol lmtp {
  postmaster_address = postmaster@example.test
}
E
  cat > "$S/postfix/etc/main.cf" <<E
compatibility_level = 3.6
queue_directory = $S/postfix/spool
data_directory = $S/postfix/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
meta_directory = /etc/postfix
shlib_directory = /usr/lib/postfix
mail_owner = postfix
setgid_group = postdrop
maillog_file = $S/postfix/maillog
maillog_file_prefixes = $S
myhostname = mx.example.test
mydestination =
mynetworks = 127.0.0.0/8
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
alias_maps =
alias_database =
virtual_mailbox_domains = example.test
virtual_mailbox_maps = texthash:$S/postfix/etc/vmailbox
virtual_transport = lmtp:unix:private/dovecot-lmtp
relayhost = [127.0.0.1]:${PEER_RELAY_PORT:-2626}
smtp_tls_security_level = may
smtpd_tls_security_level = may
smtpd_tls_cert_file = $S/tls/cert.pem
smtpd_tls_key_file = $S/tls/key.pem
smtpd_tls_loglevel = 0
smtpd_sasl_type = dovecot
smtpd_sasl_path = private/auth
smtpd_recipient_restrictions = permit_mynetworks, permit_sasl_authenticated, reject_unauth_destination
message_size_limit = 104857600
$(printf '%s' "${PEER_POSTFIX_EXTRA:-}" | tr ';' '\n')
E
  cat > "$S/postfix/etc/master.cf" <<E
127.0.0.1:$SMTP inet n - n - - smtpd
127.0.0.1:$SUBM inet n - n - - smtpd
  -o smtpd_tls_security_level=encrypt
  -o smtpd_sasl_auth_enable=yes
  -o smtpd_recipient_restrictions=permit_sasl_authenticated,reject
127.0.0.1:$SMTPS inet n - n - - smtpd
  -o smtpd_tls_wrappermode=yes
  -o smtpd_sasl_auth_enable=yes
  -o smtpd_recipient_restrictions=permit_sasl_authenticated,reject
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
proxywrite unix - - n - 1 proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
local unix - n n - - local
virtual unix - n n - - virtual
lmtp unix - - n - - lmtp
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
E
}
pids() { cat "$S/postfix/spool/pid/master.pid" "$S/dovecot/run/master.pid" 2>/dev/null | tr -d ' '; }
case ${1:-} in
start)
  ulimit -n 200000 2>/dev/null || true
  write_conf
  postfix -c "$S/postfix/etc" check 2>/dev/null
  t=$(now); dovecot -c "$S/dovecot/dovecot.conf" >/dev/null || exit 1
  echo "start_dovecot_imap $(wait_port $IMAP "$t") s"
  t=$(now); postfix -c "$S/postfix/etc" start >/dev/null 2>&1 || exit 1
  echo "start_postfix_smtp $(wait_port $SMTP "$t") s"
  ;;
stop)
  postfix -c "$S/postfix/etc" stop >/dev/null 2>&1
  doveadm -c "$S/dovecot/dovecot.conf" stop >/dev/null 2>&1
  for i in $(seq 100); do alive=0; for p in $(pids); do kill -0 "$p" 2>/dev/null && alive=1; done; [ $alive = 0 ] && break; sleep 0.1; done
  ;;
pids) pids ;;
queue) find "$S"/postfix/spool/{incoming,active,deferred,maildrop} -type f 2>/dev/null | wc -l ;;
wipe) rm -rf "$S" ;;
info)
  echo "HOST=127.0.0.1 SMTP_PORT=$SMTP SUBMISSION_PORT=$SUBM SMTPS_PORT=$SMTPS IMAP_PORT=$IMAP IMAPS_PORT=$IMAPS"
  echo "USERS=$USERS USER_FMT=u%d@example.test PASSWORD=pw STATE=$S"
  echo "postfix $(postconf -d -h mail_version) dovecot $(dovecot --version)"
  ;;
*) sed -n 2,8p "$0"; exit 2 ;;
esac
