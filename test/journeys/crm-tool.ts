// A server with a tool that asks a service elsewhere, with a secret of its own.
import { z } from 'zod'
import { startServer } from '../../src/server.ts'
import { defineTool } from '../../src/tools/define-tool.ts'
import { taskTools } from '../../src/tools/tasks.ts'

const { CRM_URL = '' } = process.env

const tellCrm = defineTool({
  name: 'crm__tell',
  description: 'Tells the CRM something.',
  input: z.strictObject({ text: z.string() }),
  annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: false, openWorldHint: true },
  repeatable: false,
  describe: () => 'Tell this to the CRM',
  run: ({ text }, { secrets, signal }) =>
    secrets.withSecret('crm-token', async token => {
      const headers = { authorization: `Bearer ${token.reveal()}` }
      const answer = await fetch(CRM_URL, { method: 'POST', headers, body: text, signal })
      return { outcome: 'done', result: await answer.text() }
    })
})

await startServer(process.env, { tools: [...taskTools, tellCrm] })
