import type {
  MessageInstance,
  MessageListInstance,
  MessageListInstancePageOptions,
  MessagePage
} from 'twilio/lib/rest/api/v2010/account/message.js'

type Page = Pick<MessagePage, 'instances' | 'nextPage'>

// The longest texts of WhatsApp, escaped, still fit a hundred times into what the client reads of an answer.
const pageSize = 100

/** The pages of the messages that `filter` leaves, newest message first. */
export async function* pagesOf(
  messages: MessageListInstance,
  filter: MessageListInstancePageOptions
): AsyncGenerator<readonly MessageInstance[]> {
  let page: Page | undefined = await messages.page({ ...filter, pageSize })
  while (page) {
    yield page.instances
    page = await page.nextPage()
  }
}

/** When a message was made, ms in whole seconds; NaN where it has no readable date. */
export function timeOf({ dateCreated, dateSent }: MessageInstance): number {
  return new Date(dateCreated ?? dateSent ?? Number.NaN).getTime()
}
