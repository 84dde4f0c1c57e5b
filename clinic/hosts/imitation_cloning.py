"""Behaviour cloning of a controller that drives a unicycle robot to the origin.

Field: imitation learning
Metric: final distance, lower is better; 1.99 without learning
"""

import math

import torch
from torch import nn

DT, HORIZON = 0.1, 60
MAX_SPEED, MAX_TURN = 1.0, 2.0


def wrap(angle):
    """An angle brought to (-pi, pi]."""
    return torch.atan2(torch.sin(angle), torch.cos(angle))


def start_states(n):
    """Poses (x, y, heading) at one to three metres from the goal."""
    radius, bearing = 1.0 + 2.0 * torch.rand(n), 2 * math.pi * torch.rand(n)
    heading = 2 * math.pi * torch.rand(n) - math.pi
    return torch.stack([radius * bearing.cos(), radius * bearing.sin(), heading], dim=1)


def move(state, action):
    """One step of the kinematics; commands are limited to what the robot can do."""
    speed = action[:, 0].clamp(-MAX_SPEED, MAX_SPEED)
    turn = action[:, 1].clamp(-MAX_TURN, MAX_TURN)
    x, y, heading = state.unbind(dim=1)
    return torch.stack(
        [x + DT * speed * heading.cos(), y + DT * speed * heading.sin(), wrap(heading + DT * turn)], dim=1
    )


def observe(state):
    """Distance to the goal and its direction as seen from the robot."""
    x, y, heading = state.unbind(dim=1)
    bearing = wrap(torch.atan2(-y, -x) - heading)
    return torch.stack([torch.hypot(x, y), bearing.cos(), bearing.sin()], dim=1)


def expert(obs):
    """Turn towards the goal and drive when it lies ahead."""
    distance, cos_b, sin_b = obs.unbind(dim=1)
    speed = MAX_SPEED * torch.tanh(1.5 * distance) * cos_b.clamp(min=0)
    turn = 2.0 * torch.atan2(sin_b, cos_b)
    return torch.stack([speed, turn.clamp(-MAX_TURN, MAX_TURN)], dim=1)


def demonstrations(n):
    """Observations and the expert's actions on noisy drives."""
    state, observations, actions = start_states(n), [], []
    for _ in range(HORIZON):
        obs = observe(state)
        action = expert(obs)
        observations.append(obs)
        actions.append(action)
        state = move(state, action + 0.2 * torch.randn_like(action))
    return torch.cat(observations), torch.cat(actions)


def final_distance(act, n=300):
    """Mean distance to the goal when time is up."""
    state = start_states(n)
    for _ in range(HORIZON):
        state = move(state, act(observe(state)))
    return state[:, :2].norm(dim=1).mean().item()


def main():
    """Collect demonstrations, clone, drive."""
    torch.manual_seed(0)
    observations, actions = demonstrations(60)
    limits = torch.tensor([MAX_SPEED, MAX_TURN])
    policy = nn.Sequential(nn.Linear(3, 64), nn.Tanh(), nn.Linear(64, 64), nn.Tanh(), nn.Linear(64, 2))
    optimizer = torch.optim.RMSprop(policy.parameters(), lr=1e-3)
    scheduler = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.05, total_iters=30)
    for epoch in range(30):
        total = 0.0
        for index in torch.randperm(len(observations)).split(100):
            target = actions[index] / limits
            loss = nn.functional.huber_loss(policy(observations[index]), target, delta=0.5)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(policy.parameters(), 1.0)
            optimizer.step()
            total += loss.item() * len(index)
        scheduler.step()
        if epoch % 6 == 0:
            print(f"epoch {epoch:2d}: imitation loss {total / len(observations):.5f}")

    with torch.no_grad():
        print(f"the expert ends at {final_distance(expert):.3f}")
        print(f"final distance {final_distance(lambda obs: policy(obs) * limits):.4f}")


if __name__ == "__main__":
    main()
