/** An error document in OpenAI's form, with its HTTP status. */
export interface OpenAIError {
  readonly status: number
  readonly error: { readonly message: string; readonly type: string; readonly param: null; readonly code: unknown }
}

/** Makes an error as the API words it; the type follows from the status. */
export function openaiError(status: number, message: string, code: string | number | null = null): OpenAIError {
  const type = status === 429 ? 'rate_limit_exceeded' : status < 500 ? 'invalid_request_error' : 'server_error'
  return { status, error: { message, type, param: null, code } }
}
