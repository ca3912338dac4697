// A server with a tool that nobody can repeat safely, and that takes the process with it when it is called.
import { z } from 'zod'
import { startServer } from '../../src/server.ts'
import { defineTool } from '../../src/tools/define-tool.ts'

const ringBell = defineTool({
  name: 'ring_bell',
  description: 'Rings the bell, once.',
  input: z.strictObject({}),
  annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: false, openWorldHint: false },
  repeatable: false,
  describe: () => 'Ring the bell',
  async run() {
    process.kill(process.pid, 'SIGKILL')
    return new Promise(() => {})
  }
})

await startServer(process.env, { tools: [ringBell] })
