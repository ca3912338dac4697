import type { DatabaseSync } from 'node:sqlite'
import {
  type AuditEntry,
  type BlobEntry,
  type BlockEntry,
  type Entry,
  type ExecutionEntry,
  type Obstacle,
  type RecordEntry,
  restoreMark
} from '../transfer.ts'
import { createAuditWriter } from './audit.ts'
import type { Lanes } from './lanes.ts'
import { told } from './schema.ts'
import { prepareAll } from './statements.ts'

/** What a restore does. A change is a batch of entries: what a restore that was cut off has kept is a beginning of the source. */
export function createLoader(db: DatabaseSync, lanes: Lanes) {
  const statements = prepareAll(db, sql)
  const { put: putUnsealed } = createAuditWriter(db)
  const { tenant, user, kind, id } = restoreMark

  function putExecution(now: number, entry: ExecutionEntry): void {
    const { lane, tenant, frames, refs, approval, purged, order, type: _, ...row } = entry
    const isWork = row.state === 'queued'
    const done = statements.execution.run({
      ...row,
      ...{ lane, tenant },
      open: isWork ? 1 : null,
      ord: BigInt(order ?? 1),
      approval: approval?.id ?? null,
      approvalHash: approval?.hash ?? null,
      approvalState: approval?.state ?? null,
      approvalExpiresAt: approval?.expiresAt ?? null,
      purged: purged ? 1 : 0
    })
    if (done.changes === 0) return
    const arrival = Number(done.lastInsertRowid)
    for (const [i, json] of frames.entries()) statements.frame.run(arrival, i + 1, json)
    for (const ref of refs) statements.ref.run(ref, arrival)
    // What has waited longest is due first, also where the clock of the source was ahead of ours.
    lanes.arrive(Math.min(now, row.at), lane, tenant, arrival, isWork)
  }

  function putBlob({ execution, n, purgeAt, bytes }: BlobEntry): void {
    statements.blob.run(n, purgeAt, bytes, execution)
  }

  function putBlock({ type: _, ...row }: BlockEntry): void {
    statements.block.run(row)
  }

  function putAudit(entry: AuditEntry): void {
    const { type: _, ...row } = entry
    if (row.block === null) putUnsealed(entry)
    else statements.audit.run(row)
  }

  function putRecord({ tenant, user, kind, id, version, data }: RecordEntry): void {
    statements.record.run(tenant, user, kind, id, version, data)
  }

  return {
    beginLoad(_now: number, restore: string): Obstacle | null {
      const data = JSON.stringify(restore)
      const mark = statements.mark.get(tenant, user, kind, id)
      if (mark !== undefined) return mark.data === data ? null : 'begun otherwise'
      // Prepared here alone, because it is the one look at everything.
      if (db.prepare(anything).get() !== undefined) return 'occupied'
      statements.record.run(tenant, user, kind, id, 1, data)
      return null
    },
    load(now: number, entries: readonly Entry[]): void {
      for (const entry of entries) {
        if (entry.type === 'execution') putExecution(now, entry)
        else if (entry.type === 'blob') putBlob(entry)
        else if (entry.type === 'block') putBlock(entry)
        else if (entry.type === 'audit') putAudit(entry)
        else putRecord(entry)
      }
    },
    endLoad(_now: number): void {
      statements.unmark.run(tenant, user, kind, id)
    }
  }
}

const anything = `
  SELECT 1 FROM (
    SELECT 1 FROM executions UNION ALL SELECT 1 FROM audit UNION ALL SELECT 1 FROM audit_unsealed
    UNION ALL SELECT 1 FROM records)
  LIMIT 1`

const sql = {
  mark: 'SELECT data FROM records WHERE tenant = ? AND user = ? AND kind = ? AND id = ?',
  unmark: 'DELETE FROM records WHERE tenant = ? AND user = ? AND kind = ? AND id = ?',
  execution: `
    INSERT INTO executions (id, digest, lane, tenant, principal, at, state, open, ord, previous, claims, n, hash, approval,
      approval_hash, approval_state, approval_expires_at, timer_at, purge_at, purged)
    VALUES (:id, digest(:id), :lane, :tenant, :principal, :at, :state, :open, :ord,
      (SELECT newest FROM lanes WHERE lane = :lane), :claims, :n, :hash, :approval,
      :approvalHash, :approvalState, :approvalExpiresAt, :timerAt, :purgeAt, :purged)
    ON CONFLICT (digest) DO NOTHING`,
  frame: 'INSERT INTO frames (execution, n, json) VALUES (?, ?, ?)',
  ref: 'INSERT INTO refs (ref, execution) VALUES (?, ?) ON CONFLICT DO NOTHING',
  blob: `
    INSERT INTO blobs (execution, n, purge_at, bytes) SELECT arrival, ?, ?, ? FROM executions WHERE digest = digest(?)
    ON CONFLICT DO NOTHING`,
  audit: `
    INSERT INTO audit (${told}, block)
    VALUES (:id, :tenant, :at, :actor, :action, :execution, :outcome, :detail, :hash, :block) ON CONFLICT (id) DO NOTHING`,
  block: `
    INSERT INTO audit_blocks (tenant, n, previous, at, until, count, root, content, hash)
    VALUES (:tenant, :n, :previous, :at, :until, :count, :root, :content, :hash) ON CONFLICT DO NOTHING`,
  record: 'INSERT INTO records (tenant, user, kind, id, version, data) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING'
}
