import { hash } from 'node:crypto'
import { z } from 'zod'
import { integrities } from '../frames/provenance.ts'
import type { UserRecords } from './tool.ts'

const kind = 'task'
const pageSize = 500
// A list longer than this is not read to its end: no answer could use it.
const mostRead = 5_000

const taskSchema = z.strictObject({
  title: z.string(),
  due: z.string().nullable(),
  done: z.boolean(),
  createdAt: z.number(),
  /** Hash of the call that made it: the same call again is the same task. */
  madeBy: z.string(),
  integrity: z.enum(integrities)
})

/** A task as its record holds it; `integrity` is the label of the words it was made of. */
export type Task = z.infer<typeof taskSchema>

/** A task with its place in the records. */
export type KeptTask = Task & { readonly id: string; readonly version: number }

/** The id of a task, short enough to be said aloud. */
export const taskId = z
  .string()
  .regex(/^t-[0-9a-z]{8,32}$/, 'must be an id that list_tasks shows')
  .describe('The id of the task, as list_tasks shows it')

/**
 * Keeps a new task under an id derived from the call that makes it, so that the same call again finds the task it made.
 */
export async function addTask(
  records: UserRecords,
  idempotencyKey: string,
  fields: Omit<Task, 'madeBy' | 'done'>
): Promise<string> {
  const key = hash('sha256', idempotencyKey, 'buffer')
  const task: Task = { ...fields, done: false, madeBy: key.toString('hex') }
  for (const length of [8, 16, 32]) {
    const id = idFrom(key, length)
    if (await records.put({ kind, id }, task, 0)) return id
    if ((await readTask(records, id))?.madeBy === task.madeBy) return id
  }
  throw new TypeError('every id of this call belongs to another task')
}

/** One task, or null. */
export async function readTask(records: Pick<UserRecords, 'get'>, id: string): Promise<KeptTask | null> {
  const record = await records.get(kind, id)
  return record === null ? null : { ...taskSchema.parse(record.data), id, version: record.version }
}

/** All tasks of the user, by id. */
export async function readTasks(records: UserRecords): Promise<KeptTask[]> {
  const tasks: KeptTask[] = []
  while (tasks.length < mostRead) {
    const after = tasks.at(-1)?.id
    const page = await records.list(kind, { ...(after === undefined ? {} : { after }), limit: pageSize })
    tasks.push(...page.map(({ id, version, data }) => ({ ...taskSchema.parse(data), id, version })))
    if (page.length < pageSize) break
  }
  return tasks
}

/** Writes a task back with `changes`, or deletes it (null); false when somebody else was faster. */
export function writeTask(records: UserRecords, task: KeptTask, changes: Partial<Task> | null): Promise<boolean> {
  const { id, version, ...kept } = task
  return records.put({ kind, id }, changes === null ? null : { ...kept, ...changes }, version)
}

// Crockford's base 32: no letter is mistaken for a digit.
function idFrom(key: Uint8Array, length: number): string {
  return `t-${Array.from(key.subarray(0, length), byte => '0123456789abcdefghjkmnpqrstvwxyz'[byte & 31]).join('')}`
}
