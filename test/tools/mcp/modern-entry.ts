// A server on the official library, by the revision of 2026 and by those before.
import { McpServer } from '@modelcontextprotocol/server'
import { serveStdio } from '@modelcontextprotocol/server/stdio'
import { z } from 'zod'

export function modernServer(): McpServer {
  const server = new McpServer({ name: 'modern', version: '1.0.0' })
  server.registerTool(
    'add',
    { description: 'Adds two numbers.', inputSchema: z.strictObject({ a: z.number(), b: z.number() }) },
    async ({ a, b }) => ({ content: [{ type: 'text' as const, text: String(a + b) }] })
  )
  return server
}

if (process.argv[1] === import.meta.filename) serveStdio(() => modernServer())
