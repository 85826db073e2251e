// Numbers as people read them.

export function clock(seconds, digits = 0) {
  const minutes = Math.floor(seconds / 60);
  const rest = (seconds - 60 * minutes).toFixed(digits);
  return `${minutes}:${rest.padStart(digits ? 3 + digits : 2, "0")}`;
}

export const between = ({ t_start, t_end }) => `${clock(t_start, 1)} to ${clock(t_end, 1)}`;

export const percent = (share) => `${Math.round(100 * share)} %`;
