import type { DatabaseSync, StatementSync } from 'node:sqlite'

/** Prepares a table of named statements once, to be kept as long as the database. */
export function prepareAll<K extends string>(db: DatabaseSync, sql: Record<K, string>): Record<K, StatementSync> {
  const prepared = Object.entries<string>(sql).map(([name, text]) => [name, db.prepare(text)])
  return Object.fromEntries(prepared)
}
