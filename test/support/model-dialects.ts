import { randomUUID } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import type { Reply } from './model.ts';

type Body = Readonly<Record<string, unknown>>;

/** Anthropic's Messages, streamed or not. */
export function answerAnthropic(body: Body, reply: Reply, response: ServerResponse): void {
  const usage = { input_tokens: 10, output_tokens: 5 };
  const message = { id: 'msg_1', type: 'message', role: 'assistant', model: body.model };
  const input = 'command' in reply ? { command: reply.command, description: 'A command of the test' } : {};
  const tool = { type: 'tool_use', id: `toolu_${short()}`, name: 'Bash' };
  const stop = { stop_reason: 'command' in reply ? 'tool_use' : 'end_turn', stop_sequence: null };
  if (body.stream !== true) {
    const content = 'command' in reply ? [{ ...tool, input }] : [{ type: 'text', text: reply.text }];
    json(response, { ...message, content, ...stop, usage });
    return;
  }
  const send = events(response);
  const block = 'command' in reply ? { ...tool, input: {} } : { type: 'text', text: '' };
  const delta =
    'command' in reply
      ? { type: 'input_json_delta', partial_json: JSON.stringify(input) }
      : { type: 'text_delta', text: reply.text };
  send('message_start', { message: { ...message, content: [], stop_reason: null, stop_sequence: null, usage } });
  send('content_block_start', { index: 0, content_block: block });
  send('content_block_delta', { index: 0, delta });
  send('content_block_stop', { index: 0 });
  send('message_delta', { delta: stop, usage });
  send('message_stop', {});
  response.end();
}

/** OpenAI's Responses, as a stream. */
export function answerResponses(_body: Body, reply: Reply, response: ServerResponse): void {
  const item =
    'command' in reply
      ? {
          type: 'function_call',
          id: `fc_${short()}`,
          call_id: `call_${short()}`,
          name: 'exec_command',
          arguments: escalated(reply.command),
        }
      : {
          type: 'message',
          id: `m_${short()}`,
          role: 'assistant',
          content: [{ type: 'output_text', text: reply.text }],
        };
  const usage = {
    input_tokens: 1,
    output_tokens: 1,
    total_tokens: 2,
    input_tokens_details: null,
    output_tokens_details: null,
  };
  const send = events(response);
  send('response.created', { response: { id: 'r1' } });
  send('response.output_item.done', { output_index: 0, item });
  send('response.completed', { response: { id: 'r1', output: [item], usage } });
  response.end();
}

/** A command that Codex must ask about, since it leaves its sandbox. */
function escalated(command: string): string {
  return JSON.stringify({ cmd: command, sandbox_permissions: 'require_escalated', justification: 'May it?' });
}

/** OpenAI's Chat Completions, as a stream. */
export function answerChat(body: Body, reply: Reply, response: ServerResponse): void {
  response.setHeader('content-type', 'text/event-stream');
  const send = (delta: object, finish: string | null = null): void => {
    const choices = [{ index: 0, delta, finish_reason: finish }];
    response.write(
      `data: ${JSON.stringify({ id: 'c1', object: 'chat.completion.chunk', model: body.model, choices })}\n\n`,
    );
  };
  if ('command' in reply) {
    const call = {
      name: 'bash',
      arguments: JSON.stringify({ command: reply.command, description: 'A command of the test' }),
    };
    send({ role: 'assistant', tool_calls: [{ index: 0, id: `call_${short()}`, type: 'function', function: call }] });
    send({}, 'tool_calls');
  } else {
    send({ role: 'assistant', content: reply.text });
    send({}, 'stop');
  }
  response.end('data: [DONE]\n\n');
}

/** Gemini's generateContent and streamGenerateContent. */
export function answerGemini(path: string, reply: Reply, response: ServerResponse): void {
  const part =
    'command' in reply
      ? { functionCall: { name: 'run_shell_command', args: { command: reply.command } } }
      : { text: reply.text };
  const result = {
    candidates: [{ content: { role: 'model', parts: [part] }, finishReason: 'STOP', index: 0 }],
    usageMetadata: { promptTokenCount: 1, candidatesTokenCount: 1, totalTokenCount: 2 },
    modelVersion: 'stand-in',
  };
  if (!/streamGenerateContent$/.test(path)) {
    json(response, result);
    return;
  }
  response.setHeader('content-type', 'text/event-stream');
  response.end(`data: ${JSON.stringify(result)}\n\n`);
}

function events(response: ServerResponse): (type: string, data: object) => void {
  response.setHeader('content-type', 'text/event-stream');
  return (type, data) => void response.write(`event: ${type}\ndata: ${JSON.stringify({ type, ...data })}\n\n`);
}

function json(response: ServerResponse, value: unknown): void {
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify(value));
}

function short(): string {
  return randomUUID().slice(0, 8);
}
