import { z } from 'zod'
import { jcsHash } from '../frames/jcs.ts'
import { lowestIntegrity } from '../frames/provenance.ts'
import { answer } from './answer.ts'
import { defineTool } from './define-tool.ts'
import { addTask, type KeptTask, readTask, readTasks, type Task, taskId, writeTask } from './task-records.ts'
import type { Tool, ToolContext, ToolResult } from './tool.ts'

const mostListed = 50
const mostCharacters = 14_000
const tries = 5

const createTask = defineTool({
  name: 'create_task',
  description: "Adds a task to the person's list.",
  input: z.strictObject({
    title: z.string().max(500).regex(/\S/, 'must not be empty').describe('What to do, in the words of the person'),
    due: z.string().max(200).nullish().describe('When it is due: an ISO 8601 date or date and time, or plain words')
  }),
  // The same call again, known by its key, is the same task: after a crash it is simply made again.
  annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: false, openWorldHint: false },
  repeatable: true,
  describe: ({ title, due }) => `Add the task "${title}"${due ? `, due ${due}` : ''}`,
  async run({ title, due }, { records, idempotencyKey, integrity, now }) {
    const fields = { title, due: due || null, createdAt: now, integrity }
    const id = await addTask(records, idempotencyKey, fields)
    return answer({ created: shown({ ...fields, id, done: false }) })
  }
})

const listTasks = defineTool({
  name: 'list_tasks',
  description: "Lists the person's open tasks, newest first; with done: true the tasks that are done.",
  input: z.strictObject({ done: z.boolean().nullish().describe('true for the tasks that are done') }),
  annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
  repeatable: true,
  describe: ({ done }) => (done ? 'List the tasks that are done' : 'List the open tasks'),
  async run({ done }, { records }) {
    const asked = (await readTasks(records))
      .filter(task => task.done === (done ?? false))
      .sort((a, b) => b.createdAt - a.createdAt)
    const listed = fitting(asked)
    return answer({ tasks: listed.map(shown), notShown: asked.length - listed.length }, listed)
  }
})

const completeTask = defineTool({
  name: 'complete_task',
  description: 'Marks a task as done.',
  input: z.strictObject({ id: taskId }),
  annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: true, openWorldHint: false },
  repeatable: true,
  describe: ({ id }) => `Mark the task ${id} as done`,
  run: ({ id }, context) =>
    change(context, id, async task => {
      if (task === null) return { outcome: 'failed', result: 'There is no task with this id: see list_tasks.' }
      const changes = { done: true, integrity: lowestIntegrity(task.integrity, context.integrity) }
      if (!task.done && !(await writeTask(context.records, task, changes))) return null
      return answer({ completed: shown({ ...task, done: true }) }, [task])
    })
})

const deleteTask = defineTool({
  name: 'delete_task',
  description: "Deletes a task from the person's list for good.",
  input: z.strictObject({ id: taskId }),
  annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: true, openWorldHint: false },
  repeatable: true,
  describe: ({ id }) => `Delete the task ${id}`,
  async target({ id }, records) {
    const task = await readTask(records, id)
    if (task === null) return null
    return { id, fingerprint: fingerprintOf(task), label: labelOf(task), integrity: task.integrity }
  },
  run: ({ id }, context) =>
    change(context, id, async task => {
      if (task === null) return answer({ notInTheList: id })
      if (fingerprintOf(task) !== context.fingerprint) {
        return { outcome: 'failed', result: 'The task was changed after the person saw it, so it was not deleted.' }
      }
      return (await writeTask(context.records, task, null)) ? answer({ deleted: shown(task) }, [task]) : null
    })
})

/** The task list of a user, kept in their records. */
export const taskTools: readonly Tool[] = [createTask, listTasks, completeTask, deleteTask]

/** Reads and tries again while somebody else is faster, which `attempt` says with null. */
async function change(
  { records }: ToolContext,
  id: string,
  attempt: (task: KeptTask | null) => Promise<ToolResult | null>
): Promise<ToolResult> {
  for (let i = 0; i < tries; i++) {
    const result = await attempt(await readTask(records, id))
    if (result !== null) return result
  }
  return { outcome: 'failed', result: 'The task is being changed by somebody else: try again.' }
}

/** Whatever of a task a person sees, as one value. */
function fingerprintOf({ id, title, due, done }: KeptTask): string {
  return jcsHash({ id, title, due, done })
}

function labelOf({ title, due, done }: Task): string {
  return `${title}${due === null ? '' : `, due ${due}`}${done ? ', done' : ''}`
}

/** As many tasks from the front as a short result holds. */
function fitting(tasks: readonly KeptTask[]): KeptTask[] {
  let characters = 0
  const overflow = tasks.findIndex((task, i) => {
    characters += JSON.stringify(shown(task)).length + 1
    return i >= mostListed || characters > mostCharacters
  })
  return tasks.slice(0, overflow < 0 ? tasks.length : overflow)
}

function shown({ id, title, due, done }: Pick<Task, 'title' | 'due' | 'done'> & { id: string }): object {
  return { id, title, ...(due === null ? {} : { due }), done }
}
