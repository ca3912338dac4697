import { ProtocolError } from '@modelcontextprotocol/client'
import { Failure } from '../../frames/failure.ts'
import { jcsHash } from '../../frames/jcs.ts'
import type { ToolClass } from '../../frames/kinds.ts'
import { isIssued } from '../../frames/permit.ts'
import type { Tool, ToolContext, ToolResult } from '../tool.ts'
import type { Connection, Definition } from './connection.ts'
import type { Connections } from './connections.ts'
import { notDone, readAnswer } from './read-answer.ts'
import type { ServerSettings } from './server-settings.ts'

/** A remote tool as it was last listed, and how far it is trusted. */
export interface RemoteTool {
  readonly name: string
  readonly server: ServerSettings
  readonly definition: Definition
  readonly hash: string
  readonly class: ToolClass
  readonly isOutward: boolean
  readonly isVouchedFor: boolean
}

/** What the call of a remote tool needs besides the tool. */
export interface RemoteParts {
  readonly connections: Connections
  /** Whether a tool is good with this hash now. */
  readonly isGood: (name: string, hash: string) => Promise<boolean>
  /** Hears of a tool that is another one than it was. */
  readonly onChanged: (tool: RemoteTool) => void
}

const longestDescription = 4_000

/** SHA-256 (hex) of all of a definition that a model acts on. Throws a TypeError where it has no canonical JSON. */
export function remoteHash({ name, description = '', inputSchema }: Definition): string {
  return jcsHash({ name, description, schema: inputSchema })
}

/**
 * Makes a tool of one that a server offers. Right before each call the server is asked for its list again: what is not word for word
 * what it was when the call was judged is not called.
 */
export function createRemoteTool(
  remote: RemoteTool,
  reader: { schema: Tool['parameters']; read: Tool['read'] },
  parts: RemoteParts
): Tool {
  const { name, server, definition, hash, class: toolClass, isOutward, isVouchedFor } = remote
  const isRead = toolClass === 'R0' || toolClass === 'R1'
  return Object.freeze<Tool>({
    name,
    description: (definition.description ?? '').toWellFormed().slice(0, longestDescription),
    parameters: reader.schema,
    class: toolClass,
    isOutward,
    isVouchedFor,
    // What a server promises of its own idempotency is not believed.
    repeatable: isRead,
    schemaHash: hash,
    read: reader.read,
    describe: () => `Have ${server.name} do ${definition.name}`,
    target: async () => undefined,
    async call(permit, context) {
      if (!isIssued(permit) || permit.tool !== name || permit.class !== toolClass || toolClass === 'K') {
        throw new Failure('WORK_BROKEN', { cause: new TypeError('a tool was called without a permit for it') })
      }
      const progress = { asked: false }
      const scope = { tenant: context.tenant, principal: context.userId, tool: name }
      try {
        return await parts.connections.use(server, scope, async connection => {
          const current = await currentOf(connection, remote, context)
          if (current === null || !(await parts.isGood(name, hash))) {
            parts.onChanged(remote)
            return notDone('This tool is not what it was when it was offered, so it was not called. Say so.')
          }
          progress.asked = true
          return readAnswer(await connection.call(permit, current, context.signal))
        })
      } catch (error) {
        return met(error, { context, isRead, asked: progress.asked })
      }
    }
  })
}

/** The definition as the server lists it now, where it is the same; null where it is not, or is there twice. */
async function currentOf(
  connection: Connection,
  { definition, hash }: RemoteTool,
  { signal }: ToolContext
): Promise<Definition | null> {
  const [current, ...others] = (await connection.list(signal)).filter(({ name }) => name === definition.name)
  return current !== undefined && others.length === 0 && remoteHash(current) === hash ? current : null
}

/** What comes of a call that failed: a result where it is known that nothing was done, or where doing it again does nothing more. */
function met(error: unknown, about: { context: ToolContext; isRead: boolean; asked: boolean }): ToolResult {
  if (about.context.signal.aborted) throw error
  if (error instanceof Failure && error.code === 'SECRET_UNAVAILABLE') {
    return notDone('A key that it needs is not to be had, so it was not called.')
  }
  if (!about.asked) return notDone('Its server does not answer, so it was not called.')
  if (error instanceof ProtocolError) return notDone('Its server refused.', error.message.toWellFormed())
  if (about.isRead) return notDone('Its server did not answer.')
  throw new Failure('WORK_BROKEN', { cause: new TypeError('the answer of a server was lost') })
}
