/** The version of the tables below, kept in `PRAGMA user_version`. Any change to them is a new version. */
export const schemaVersion = 5

const questionIndexes = `
CREATE INDEX executions_parked ON executions (lane) WHERE timer_at IS NOT NULL;
CREATE INDEX executions_pending ON executions (arrival) WHERE timer_at IS NOT NULL;
CREATE INDEX executions_asked ON executions (arrival) WHERE approval IS NOT NULL;`

const blocks = `
CREATE TABLE audit_blocks (
  tenant TEXT NOT NULL,
  n INTEGER NOT NULL,
  previous TEXT NOT NULL,
  at INTEGER NOT NULL,
  until INTEGER NOT NULL,
  count INTEGER NOT NULL,
  root TEXT NOT NULL,
  content TEXT,
  hash TEXT NOT NULL,
  PRIMARY KEY (tenant, n)
) STRICT;`

const record = `
  id TEXT NOT NULL UNIQUE,
  tenant TEXT NOT NULL,
  at INTEGER NOT NULL,
  actor TEXT NOT NULL,
  action TEXT NOT NULL,
  execution TEXT,
  outcome TEXT,
  detail TEXT NOT NULL,
  hash TEXT NOT NULL`

const audit = `
CREATE TABLE audit_unsealed (
  place INTEGER PRIMARY KEY,
  ${record}
) STRICT;
CREATE TABLE audit (
  ${record},
  block INTEGER NOT NULL
) STRICT;
CREATE INDEX audit_at ON audit (tenant, at, id);
CREATE INDEX audit_actor ON audit (tenant, actor, at, id);
CREATE INDEX audit_action ON audit (tenant, action, at, id);
CREATE INDEX audit_both ON audit (tenant, actor, action, at, id);
CREATE INDEX audit_block ON audit (tenant, block);`

/** The columns of an audit record, sealed or not. */
export const told = 'id, tenant, at, actor, action, execution, outcome, detail, hash'

/** Until version 5 one table held all records, each with the number of the block that it is in or that came next. */
const apart = `
ALTER TABLE audit RENAME TO audit_before;
${['at', 'actor', 'action', 'both', 'block'].map(name => `DROP INDEX IF EXISTS audit_${name};`).join('\n')}
${audit}
INSERT INTO audit SELECT ${told}, block FROM audit_before old
WHERE block <= (SELECT max(n) FROM audit_blocks b WHERE b.tenant = old.tenant);
INSERT INTO audit_unsealed (${told}) SELECT ${told} FROM audit_before
WHERE id NOT IN (SELECT id FROM audit) ORDER BY at, id;
DROP TABLE audit_before;`

/** Records of before there were blocks are in none. */
const numbered = 'ALTER TABLE audit ADD COLUMN block INTEGER NOT NULL DEFAULT 1;'

/** What brings an older file to the present version, by the version it has. */
export const migrations: Readonly<Record<number, string>> = {
  2: `${questionIndexes} ${numbered} ${blocks} ${apart}`,
  3: `${numbered} ${blocks} ${apart}`,
  4: apart
}

/**
 * The tables. Instants are ms since the epoch. Partial indexes hold only what is under way, so that no look depends on history.
 * `arrival` numbers executions in the order of acceptance and never changes; `ord` is the place in the queue of the lane, which a
 * decision or a retry moves to the end. `digest` is that of the id, which is looked up by it. `previous` is the one
 * accepted before it in its lane: history is a chain from `lanes.newest`, because an index by lane would cost every message a page.
 * An audit record is told into `audit_unsealed`, and moved with many others to the table that is indexed when it is sealed: entered one
 * by one into those indexes it would cost eight pages.
 */
export const schema = `
CREATE TABLE executions (
  arrival INTEGER PRIMARY KEY,
  id TEXT NOT NULL,
  digest TEXT NOT NULL UNIQUE,
  lane TEXT NOT NULL,
  tenant TEXT NOT NULL,
  principal TEXT NOT NULL,
  at INTEGER NOT NULL,
  state TEXT NOT NULL,
  open INTEGER CHECK (open = 1),
  ord INTEGER NOT NULL,
  previous INTEGER,
  token TEXT,
  fence INTEGER,
  claims INTEGER NOT NULL DEFAULT 0,
  n INTEGER NOT NULL,
  hash TEXT NOT NULL,
  approval TEXT,
  approval_hash TEXT,
  approval_state TEXT,
  approval_expires_at INTEGER,
  timer_at INTEGER,
  purge_at INTEGER,
  purged INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX executions_head ON executions (lane, ord) WHERE open = 1;
CREATE INDEX executions_open ON executions (at, state) WHERE open = 1;
CREATE INDEX executions_timer ON executions (timer_at) WHERE timer_at IS NOT NULL;
CREATE INDEX executions_purge ON executions (purge_at) WHERE purge_at IS NOT NULL;

CREATE TABLE frames (
  execution INTEGER NOT NULL,
  n INTEGER NOT NULL,
  json TEXT NOT NULL,
  PRIMARY KEY (execution, n)
) STRICT;

CREATE TABLE lanes (
  lane TEXT PRIMARY KEY,
  tenant TEXT NOT NULL,
  newest INTEGER NOT NULL,
  wake_at INTEGER,
  token TEXT,
  owner TEXT,
  fence INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
CREATE INDEX lanes_due ON lanes (tenant, wake_at) WHERE wake_at IS NOT NULL;
CREATE INDEX lanes_newest ON lanes (newest);

CREATE TABLE refs (
  ref TEXT PRIMARY KEY,
  execution INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX refs_execution ON refs (execution);

CREATE TABLE blobs (
  execution INTEGER NOT NULL,
  n INTEGER NOT NULL,
  purge_at INTEGER NOT NULL,
  bytes BLOB NOT NULL,
  UNIQUE (execution, n)
) STRICT;
CREATE INDEX blobs_purge ON blobs (purge_at);

CREATE TABLE records (
  tenant TEXT NOT NULL,
  user TEXT NOT NULL,
  kind TEXT NOT NULL,
  id TEXT NOT NULL,
  version INTEGER NOT NULL,
  data TEXT NOT NULL,
  PRIMARY KEY (tenant, user, kind, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE limits (
  key TEXT PRIMARY KEY,
  count INTEGER NOT NULL,
  reset_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX limits_reset ON limits (reset_at);

CREATE TABLE probe (
  id INTEGER PRIMARY KEY,
  writes INTEGER NOT NULL
) STRICT;
INSERT INTO probe VALUES (1, 0);
${questionIndexes}
${audit}
${blocks}
`
