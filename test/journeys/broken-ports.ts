// A server whose ports and tools break, each with all that it was given in its error, where a person's words ask for it.
import { z } from 'zod'
import { startServer } from '../../src/server.ts'
import type { Ports } from '../../src/system.ts'
import { defineTool } from '../../src/tools/define-tool.ts'
import { taskTools } from '../../src/tools/tasks.ts'

const explode = defineTool({
  name: 'explode',
  description: 'Breaks.',
  input: z.strictObject({ words: z.string() }),
  annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: false, openWorldHint: false },
  repeatable: true,
  describe: ({ words }) => words,
  run: ({ words }) => Promise.reject(new RangeError(words))
})

await startServer(process.env, { wrap: breakPorts, tools: [...taskTools, explode] })

function breakPorts({ store, provider, channel }: Ports): Ports {
  return {
    store: {
      ...store,
      async accept(acceptance) {
        breakWhere('the door breaks', acceptance.frames)
        return store.accept(acceptance)
      }
    },
    provider: {
      ...provider,
      async respond(request, signal) {
        breakWhere('the provider breaks', request.items.at(-1))
        // Nobody waits for this one: it reaches the process itself.
        if (has('the process breaks', request.items.at(-1))) setImmediate(() => breakWhere('', request))
        return provider.respond(request, signal)
      }
    },
    channel: {
      ...channel,
      async fetchAudio(message, attachment, signal) {
        breakWhere('the channel breaks', message)
        return channel.fetchAudio(message, attachment, signal)
      }
    }
  }
}

function breakWhere(words: string, given: unknown): void {
  if (!has(words, given)) return
  const all = JSON.stringify(given)
  throw Object.assign(new TypeError(all, { cause: new Error(all) }), { code: all, config: { headers: { all } } })
}

function has(words: string, given: unknown): boolean {
  return JSON.stringify(given)?.includes(words) ?? false
}
