import { z } from 'zod'
import { Failure } from '../frames/failure.ts'
import { jcsHash } from '../frames/jcs.ts'
import { isIssued } from '../frames/permit.ts'
import { bounded } from './answer.ts'
import { classOfTool } from './class-of.ts'
import { schemaOf } from './schema.ts'
import type { Tool, ToolDefinition } from './tool.ts'

/**
 * Makes a tool of its definition and keeps `run` out of everybody's reach: the only way to it is `call` with a permit
 * that the policy issued for this very tool. Whatever `run` throws goes on to the worker: only a result says what
 * happened. Throws a TypeError for a definition that is not safe to offer.
 */
export function defineTool<S extends z.ZodObject>(definition: ToolDefinition<S>): Tool {
  const { name, description, input, annotations, repeatable } = definition
  if (!/^[a-z][a-z0-9_]{0,63}$/.test(name)) throw new TypeError(`the name of tool ${name} does not fit every provider`)
  if (!(input.def.catchall instanceof z.ZodNever))
    throw new TypeError(`the input of tool ${name} is not a strictObject`)
  const parameters = schemaOf(input)
  return Object.freeze<Tool>({
    name,
    description,
    parameters,
    class: classOfTool({ name, annotations }),
    isOutward: annotations.openWorldHint && !annotations.readOnlyHint,
    isVouchedFor: true,
    repeatable,
    schemaHash: jcsHash({ name, description, schema: parameters }),
    read(value) {
      const result = input.safeParse(value)
      return result.success ? { value: result.data } : { problem: told(result.error.issues) }
    },
    describe: args => definition.describe(input.parse(args)),
    target: async (args, records) => definition.target?.(input.parse(args), records),
    async call(permit, context) {
      if (!isIssued(permit) || permit.tool !== name) {
        throw new Failure('WORK_BROKEN', { cause: new TypeError('a tool was called without a permit for it') })
      }
      return bounded(await definition.run(input.parse(permit.arguments), context))
    }
  })
}

function told(issues: readonly z.core.$ZodIssue[]): string {
  const lines = issues
    .slice(0, 5)
    .map(({ path, message }) => `${path.map(String).join('.') || 'arguments'}: ${message}`)
  return lines.map(line => line.slice(0, 150).toWellFormed()).join('; ')
}
