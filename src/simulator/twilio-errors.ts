/** An error in Twilio's form (https://www.twilio.com/docs/usage/twilios-response#response-formats-exceptions). */
export interface ApiError {
  readonly code: number
  readonly message: string
  readonly more_info: string
  readonly status: number
}

/** Makes the error document of a code; a code that the stand-in has no sentence for gets a plain one. */
export function apiError(status: number, code: number, message = sentences[code] ?? 'Made to fail'): ApiError {
  return { code, message, more_info: `https://www.twilio.com/docs/errors/${code}`, status }
}

/** Why Twilio would not create a message of this form with this body, or null. */
export function refusalOf(form: URLSearchParams, body: string): ApiError | null {
  if (!form.get('To')) return apiError(400, 21604)
  if (!form.get('From')) return apiError(400, 21603)
  if (body === '') return apiError(400, 21602)
  return body.length > longestBody ? apiError(400, 21617) : null
}

// https://www.twilio.com/docs/api/errors/21617
const longestBody = 1600

const sentences: Readonly<Record<number, string>> = {
  20003: 'Authenticate',
  20404: 'The requested resource was not found',
  20429: 'Too Many Requests',
  21211: "Invalid 'To' Phone Number",
  21408: 'Permission to send an SMS has not been enabled for the region',
  21602: 'Message body is required.',
  21603: "A 'From' phone number is required.",
  21604: "A 'To' phone number is required.",
  21610: 'Attempt to send to unsubscribed recipient',
  21617: 'The concatenated message body exceeds the 1600 character limit',
  63016: 'Failed to send freeform message because you are outside the allowed window',
  63018: 'Rate limit exceeded for Channel'
}
