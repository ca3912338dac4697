/** The TwiML that asks Twilio for nothing: answers go out by REST, after the message was kept. */
export const emptyResponse = '<?xml version="1.0" encoding="UTF-8"?><Response/>'
