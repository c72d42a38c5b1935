import { EventsClient } from '@iterate-labs/ai-engineer-workshop';

const processor = {
  reduce(events) {
    const last = (type) => events.filter(e => e.type === type).at(-1);
    const answered = last('assistant_message')?.offset ?? 0;
    return {
      messages: events.filter(e => e.type === 'user_message').map(e => e.payload),
      assistant: events.filter(e => e.type === 'assistant_message').map(e => e.payload),
      draft: events
        .filter(e => e.type === 'https://events.iterate.com/llm-chunk' && e.offset > answered)
        .map(e => e.payload)
        .join(''),
      invalid: events.filter(e => e.type.endsWith('/invalid-event-appended')).length
    };
  },
  async afterAppend(state, event) {
    if (event.type !== 'user_message') return;
    const answer = await fetch('https://models.example/v1/complete', {
      method: 'POST',
      body: JSON.stringify({ messages: state.messages })
    });
    const reader = answer.body.getReader();
    const decoder = new TextDecoder();
    let whole = '';
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      const chunk = decoder.decode(value, { stream: true });
      whole += chunk;
      await append({ type: 'https://events.iterate.com/llm-chunk', payload: chunk });
    }
    await append({ type: 'assistant_message', payload: whole });
  }
};
