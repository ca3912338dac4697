import fp from 'fastify-plugin'
import type { z } from 'zod'
import { Failure } from '../src/frames/failure.ts'

/** Lets routes state their parameters as zod schemas. What does not fit is refused as QUERY_INVALID, without repeating it. */
export const zodValidation = fp(
  async app => {
    app.setValidatorCompiler<z.ZodType>(({ schema }) => value => {
      const parsed = schema.safeParse(value)
      return parsed.success ? { value: parsed.data } : { error: new Failure('QUERY_INVALID') }
    })
  },
  { name: 'zod-validation' }
)
