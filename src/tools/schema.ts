import { z } from 'zod'

/** The input of a tool as JSON Schema. */
export function schemaOf(input: z.ZodObject): Record<string, unknown> {
  // Some servers of the OpenAI API refuse a schema that names its dialect.
  const { $schema: _dialect, ...schema } = z.toJSONSchema(input)
  return schema
}
