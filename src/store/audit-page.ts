import { Failure } from '../frames/failure.ts'
import type { AuditPage, AuditQuery, AuditRecord, ShownRecord } from './audit.ts'

/** A place in the order of audit records: an instant (ms) and, within it, an id. */
export interface AuditPlace {
  readonly at: number
  readonly id: string
}

/** The stretch of time that a page is taken from: from an instant (ms) on, and before a place. */
export interface AuditSpan {
  readonly from: number
  readonly before: AuditPlace
}

const longest = 8.64e15

/** What a query leaves of all time. Throws QUERY_INVALID for an `after` that no page gave. */
export function spanOf({ from, to, after }: AuditQuery): AuditSpan {
  const end = { at: to === undefined ? longest : Date.parse(to), id: '' }
  const last = after === undefined ? end : placeIn(after)
  return { from: from === undefined ? -longest : Date.parse(from), before: isBefore(last, end) ? last : end }
}

/** A page of what was found in order, where one more than the limit was looked for. */
export function pageOf(found: readonly ShownRecord[], limit: number): AuditPage {
  const records = found.slice(0, limit)
  const last = records.at(-1)
  return { records, next: found.length > limit && last !== undefined ? cursor(last) : null }
}

/** The records that fit a query, in order: for a few that were found otherwise. Throws QUERY_INVALID for an `after` that no page gave. */
export function select(records: readonly ShownRecord[], query: AuditQuery): ShownRecord[] {
  const { from, before } = spanOf(query)
  const fits = (record: AuditRecord) =>
    query.tenants.includes(record.tenant) &&
    [undefined, record.actor].includes(query.actor) &&
    [undefined, record.action].includes(query.action) &&
    [undefined, record.execution].includes(query.execution) &&
    Date.parse(record.at) >= from &&
    isBefore(placeOf(record), before)
  return records.filter(fits).sort((a, b) => (isBefore(placeOf(b), placeOf(a)) ? -1 : 1))
}

/**
 * The ids of the records of an execution: from the first, before the second. After its id and a colon comes a position, which begins
 * with 1 to 9: so the start of other ids, named as an execution, finds nothing.
 */
export function idsOf(execution: string): readonly [from: string, before: string] {
  return [`${execution}:1`, `${execution}::`]
}

function isBefore(a: AuditPlace, b: AuditPlace): boolean {
  return a.at < b.at || (a.at === b.at && a.id < b.id)
}

function placeOf({ at, id }: AuditRecord): AuditPlace {
  return { at: Date.parse(at), id }
}

function cursor({ at, id }: AuditRecord): string {
  return Buffer.from(`${Date.parse(at)}:${id}`).toString('base64url')
}

function placeIn(after: string): AuditPlace {
  const text = Buffer.from(after, 'base64url').toString()
  const [, at, id] = /^(\d{1,15}):(.+)$/s.exec(text) ?? []
  if (at === undefined || id === undefined || Buffer.from(text).toString('base64url') !== after) {
    throw new Failure('QUERY_INVALID')
  }
  return { at: Number(at), id }
}
